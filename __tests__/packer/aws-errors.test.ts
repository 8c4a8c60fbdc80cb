import { awsError } from '../../local/service';
import { awsSentence } from '../../packer/aws-errors';

const node = (code: string, rest: object = {}) => Object.assign(new Error(`connect ${code}`), { code, ...rest });

describe('an error of AWS is told in one sentence', () => {
  test.each([
    [awsError('CredentialsProviderError', 'Could not load credentials from any providers'), /^There are no AWS cred/],
    [
      awsError('ExpiredToken', 'The provided token has expired.'),
      /^The AWS credentials have expired: sign in again\.$/,
    ],
    [
      awsError('AuthFailure', 'AWS was not able to validate the credentials'),
      /does not take these .* in eu-west-1: see/,
    ],
    [awsError('OptInRequired', 'You are not subscribed'), /^The account has not enabled eu-west-1: enable it/],
    [awsError('RequestLimitExceeded', 'Request limit exceeded.'), /try again in a minute\.$/],
    [
      node('ENOTFOUND', { hostname: 'ec2.eu-west-1.amazonaws.com' }),
      /^ec2\.eu-west-1\.amazonaws\.com is not to be found/,
    ],
    [node('EAI_AGAIN'), /see that there is a network/],
    [node('ECONNREFUSED'), /does not answer in eu-west-1 \(ECONNREFUSED\)/],
    [awsError('TimeoutError', 'Request timed out'), /does not answer in eu-west-1 \(TimeoutError\)/],
    [node('SELF_SIGNED_CERT_IN_CHAIN'), /NODE_EXTRA_CA_CERTS/],
    [awsError('OperationNotPermitted', 'It is protected.'), /^It is protected \(OperationNotPermitted\)\.$/],
    [new Error('Region not accepted.\n  at x'), /^Region not accepted\. at x\.$/],
    [new Error(''), /^AWS gives no reason\.$/],
    ['a string', /^a string\.$/],
  ])('%s', (error, sentence) => {
    expect(awsSentence(error, 'eu-west-1')).toMatch(sentence);
    expect(awsSentence(error, 'eu-west-1')).toMatch(/^[^\n]+\.$/);
  });

  test("without EC2's encoded message, with what is not permitted", () => {
    const message =
      'You are not authorized to perform this operation. User: arn:aws:iam::1:user/x is not authorized to perform: ec2:DeregisterImage. Encoded authorization failure message: 3fXa-9_Qw';

    expect(awsSentence(awsError('UnauthorizedOperation', message), 'eu-west-1')).toBe(
      'These credentials have no permission for this: You are not authorized to perform this operation. User: arn:aws:iam::1:user/x is not authorized to perform: ec2:DeregisterImage.',
    );
  });
});
