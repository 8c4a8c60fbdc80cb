/** EC2StarterFromAMI's TimeoutSeconds: then Step Functions gives the invocation up. */
export const STARTER_TIMEOUT_S = 90;

/** The longest wait before one of its retries. */
export const STARTER_RETRY_S = 300;
