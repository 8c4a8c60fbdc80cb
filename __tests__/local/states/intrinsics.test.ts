import { testMachines } from '../../support/states';
import { INTRINSICS } from '../../support/states-machines';

testMachines(INTRINSICS);
