import { policiesOf as carouselPolicies, carouselStack, DEPLOYED_JOBS } from '../support/carousel-stack';
import { WITHOUT_RESOURCES } from '../support/least-privilege';
import { policies, synthesise } from '../support/stack';
import { policiesOf as pipelinesPolicies, pipelinesStack } from '../support/tsdat-stack';

jest.mock('../../constructs/aws/bundle', () => jest.requireActual('../support/unbundled'));

test('every action that is known to take no ARN is one that some system allows', () => {
  const systems = [
    policies(synthesise({ smName: 'machine', s3Bucket: 'one-bucket' })),
    carouselPolicies(carouselStack({ jobs: DEPLOYED_JOBS })),
    pipelinesPolicies(pipelinesStack()),
  ];
  const used = systems.flatMap((each) => Object.values(each).flatMap(({ Statement }) => Statement));

  expect(
    [...WITHOUT_RESOURCES].filter((action) => !used.some(({ Action }) => [Action].flat().includes(action))),
  ).toEqual([]);
});
