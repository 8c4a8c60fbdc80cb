import { testMachines } from '../../support/states';
import { STATES } from '../../support/states-machines';

testMachines(STATES);
