import type { Construct } from 'constructs';
import { NodeFunction, type NodeFunctionProps } from '../aws/function';
import {
  FUNCTION_MEMORY_MB,
  FUNCTION_TIMEOUT_SECONDS,
  type FunctionName,
  RESULTS_MEMORY_MB,
  SOURCES,
} from './functions';

export interface DatastreamFunctionProps
  extends Omit<NodeFunctionProps, 'sources' | 'role' | 'memoryMb' | 'timeoutSeconds'> {
  /** The file of lambdas/datastream that the function runs. */
  readonly role: FunctionName;
}

/** One of this system's functions. */
export class DatastreamFunction extends NodeFunction {
  constructor(scope: Construct, id: string, props: DatastreamFunctionProps) {
    super(scope, id, {
      ...props,
      sources: SOURCES,
      memoryMb: props.role === 'results' ? RESULTS_MEMORY_MB : FUNCTION_MEMORY_MB,
      timeoutSeconds: FUNCTION_TIMEOUT_SECONDS[props.role],
    });
  }
}
