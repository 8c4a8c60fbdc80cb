/** Turns the error of a failed AWS call into one sentence for the user. */

const EXPIRED = /^(ExpiredToken|ExpiredTokenException|RequestExpired|TokenProviderError)$/;
const REFUSED_CREDENTIALS =
  /^(AuthFailure|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|InvalidSignatureException|IncompleteSignature|MissingAuthenticationToken)$/;
const NO_PERMISSION = /^(UnauthorizedOperation|AccessDenied|AccessDeniedException|AuthorizationError)$/;
const THROTTLED = /^(RequestLimitExceeded|Throttling|ThrottlingException|TooManyRequestsException)$/;
/** Node.js' error codes for a failed or broken connection, and the SDK's name for a timeout. */
const NO_CONNECTION = /^(ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|EPIPE|ETIMEDOUT|TimeoutError)$/;

/**
 * Says what to do about an error of the AWS SDK. For any other error it returns the error's own message.
 *
 * @param error the caught value
 * @param region the region of the call
 */
export function awsSentence(error: unknown, region: string): string {
  const { name, code, message, hostname } = facts(error);
  const told = oneLine(message);
  if (name === 'CredentialsProviderError') {
    const profile = process.env.AWS_PROFILE;
    if (profile) {
      return `The profile ${profile} of AWS_PROFILE gives no AWS credentials: see 'aws configure list-profiles', or sign in (${told}).`;
    }
    return `There are no AWS credentials: run 'aws configure' or 'aws sso login', or set AWS_PROFILE (${told}).`;
  }
  if (EXPIRED.test(name)) return 'The AWS credentials have expired: sign in again.';
  if (name === 'RequestTimeTooSkewed') return "This computer's clock is wrong, and AWS refuses it: set the time.";
  if (name === 'OptInRequired') return `The account has not enabled ${region}: enable it, or name another region.`;
  if (REFUSED_CREDENTIALS.test(name)) {
    return `AWS does not take these credentials in ${region}: see that they are right and that the account has the region enabled (${told}).`;
  }
  if (NO_PERMISSION.test(name)) return `These credentials have no permission for this: ${told}.`;
  if (THROTTLED.test(name)) return 'AWS takes no more calls at the moment: try again in a minute.';
  if (code === 'ENOTFOUND') {
    return `${hostname ?? 'AWS'} is not to be found: see that ${region} is a region, and that there is a network.`;
  }
  if (code === 'EAI_AGAIN') return 'No name can be looked up: see that there is a network.';
  if (NO_CONNECTION.test(code) || NO_CONNECTION.test(name)) {
    return `AWS does not answer in ${region} (${code || name}): see that there is a network${ownEndpoint()}.`;
  }
  if (/CERT/.test(code)) {
    return `The certificate is not to be trusted (${code}): behind a proxy that has its own, name it in NODE_EXTRA_CA_CERTS.`;
  }
  if (/parse error|Deserialization error/.test(message)) {
    return `What answered in ${region} is not AWS: see that ${region} is a region, and that no proxy answers instead${ownEndpoint()}.`;
  }
  return name === '' || name === 'Error' ? `${told}.` : `${told} (${name}).`;
}

function facts(error: unknown): { name: string; code: string; message: string; hostname?: string | undefined } {
  if (!(error instanceof Error)) return { name: '', code: '', message: String(error) };
  const { code, hostname } = error as { code?: unknown; hostname?: string };
  return { name: error.name, code: typeof code === 'string' ? code : '', message: error.message, hostname };
}

/** Removes the final full stop and the encoded authorization message of EC2, which only AWS can decode. */
function oneLine(message: string): string {
  const told = message
    .replace(/\s*Encoded authorization failure message: .*/s, '')
    .replace(/\s+/g, ' ')
    .replace(/[\s.]+$/, '')
    .trim();
  return told || 'AWS gives no reason';
}

function ownEndpoint(): string {
  const endpoint = process.env.AWS_ENDPOINT_URL;
  return endpoint ? `, and that AWS_ENDPOINT_URL (${endpoint}) is right` : '';
}
