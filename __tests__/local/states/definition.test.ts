import { LOCAL_DEFINITION } from '../../../local/machine';
import { type Definition, problemsOf } from '../../../local/states/definition';
import { embeddedStates, MACHINE } from '../../support/states';

const wrong = {
  QueryLanguage: 'JSONata',
  StartAt: 'First',
  States: {
    Start: { Type: 'Pass', Assign: { a: 1 }, Next: 'Nowhere' },
    Odd: { Type: 'Activity', End: true },
    Call: { Type: 'Task', Resource: 'arn:aws:states:::sqs:sendMessage', End: true },
    Both: {
      Type: 'Parallel',
      Branches: [{ StartAt: 'In', States: { In: { Type: 'Choice', Choices: [{ Next: 'Out' }], Default: 'In' } } }],
    },
  },
} as unknown as Definition;

it('The datastream can be run here', () => {
  expect(problemsOf(LOCAL_DEFINITION, (resource) => resource.includes('lambda:invoke'))).toEqual([]);
});

it('A definition that cannot be carried out is refused with all that is wrong with it', () => {
  expect(problemsOf(wrong, () => false)).toEqual([
    'QueryLanguage is JSONata: write the definition with JSONPath.',
    "StartAt is 'First', and no state has this name: name one of Start, Odd, Call, Both.",
    'Start: Assign is not carried out here: write the state without it.',
    "Start.Next is 'Nowhere', and no state has this name: name one of Start, Odd, Call, Both.",
    `Odd: Type is 'Activity': name one of Task, Pass, Choice, Wait, Succeed, Fail, Parallel, Map.`,
    "Call: Resource is 'arn:aws:states:::sqs:sendMessage', and nothing here carries it out.",
    'Both has no Next: write one, or End: true.',
    "In: Next is 'Out', and no state has this name: name one of In.",
  ]);
  expect(() => embeddedStates().sfn.define(MACHINE, wrong)).toThrow('Assign is not carried out here');
});
