import type { InputClients } from '../../lambdas/datastream/inputs';

/** Of EC2StarterFromAMI's clients those that a job without `ii_wait_inputs` never uses. */
export const NO_INPUTS: Pick<InputClients, 'head' | 'signer'> = {
  head: (url) => Promise.reject(new Error(`Nothing should ask for ${url}.`)),
  signer: { sign: () => Promise.reject(new Error('Nothing should be signed.')) } as never,
};
