import { testMachines } from '../../support/states';
import { PATHS } from '../../support/states-machines';

testMachines(PATHS);
