import { DatastreamError, ErrorName, mayRetry } from '../../../lambdas/datastream/errors';
import { CAPACITY_ERRORS, TRANSIENT_ERRORS } from '../../../lambdas/runtime/errors';

describe('Error names', () => {
  it('are their own keys, so that no name is spelt twice', () => {
    expect(Object.entries(ErrorName).filter(([key, name]) => key !== name)).toEqual([]);
  });

  it('survive minifying, for they are strings', () => {
    expect(new DatastreamError(ErrorName.InstanceLost, 'gone').name).toBe('InstanceLost');
  });

  it.each([
    'InvalidExecution',
    'IamRefused',
    'LaunchFailed',
    'UnauthorizedOperation',
    'AccessDenied',
    'AccessDeniedException',
    'AuthFailure',
    'InvalidAMIID.NotFound',
    'InvalidAMIID.Malformed',
    'InvalidKeyPair.NotFound',
    'InvalidParameterValue',
    'InvalidParameterCombination',
    'MissingParameter',
    'SsmAccessDenied',
    'SsmInvalidParameter',
    'ValidationException',
    'ZodError',
    'TagLimitExceeded',
    'KMSKeyNotAccessible',
    'States.Runtime',
    'ObjectAccessDenied',
    'CommandCancelled',
  ])('%s is final: another attempt would end in it again', (name) => {
    expect(mayRetry(name)).toBe(false);
  });

  it.each([
    ...CAPACITY_ERRORS,
    ...TRANSIENT_ERRORS,
    'CommandFailed',
    'CommandNotDelivered',
    'JobTimedOut',
    'ObjectNotFound',
    'ObjectStale',
    'InstanceLost',
    'InstanceNotReady',
    'SpotInterrupted',
    'InvalidInstanceId',
    'InvalidInstanceID.NotFound',
  ])('%s may end otherwise in another attempt', (name) => {
    expect(mayRetry(name)).toBe(true);
  });
});
