/** The tag of everything that a deployment of BISON owns; its value is the workflow's ARN. IAM conditions depend on it. */
export const Tag = { stateMachine: 'bison:state-machine' } as const;
