import { testMachines } from '../../support/states';
import { CHOICES } from '../../support/states-machines';

testMachines(CHOICES);
