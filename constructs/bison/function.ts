import type { Construct } from 'constructs';
import { NodeFunction, type NodeFunctionProps } from '../aws/function';
import { type BisonFunctionName, FUNCTION_MEMORY_MB, FUNCTION_TIMEOUT_SECONDS, SOURCES } from './functions';

export interface BisonFunctionProps
  extends Omit<NodeFunctionProps, 'sources' | 'role' | 'memoryMb' | 'timeoutSeconds'> {
  /** The file of lambdas/bison that the function runs. */
  readonly role: BisonFunctionName;
}

/** One of this system's functions. */
export class BisonFunction extends NodeFunction {
  constructor(scope: Construct, id: string, props: BisonFunctionProps) {
    super(scope, id, {
      ...props,
      sources: SOURCES,
      memoryMb: FUNCTION_MEMORY_MB,
      timeoutSeconds: FUNCTION_TIMEOUT_SECONDS,
    });
  }
}
