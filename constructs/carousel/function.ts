import type { Construct } from 'constructs';
import { NodeFunction, type NodeFunctionProps } from '../aws/function';
import { FUNCTION_MEMORY_MB, FUNCTION_TIMEOUT_SECONDS, type FunctionName, SOURCES } from './functions';

export interface CarouselFunctionProps
  extends Omit<NodeFunctionProps, 'sources' | 'role' | 'memoryMb' | 'timeoutSeconds'> {
  /** The file of lambdas/carousel that the function runs. */
  readonly role: FunctionName;
}

/** One of this system's functions. */
export class CarouselFunction extends NodeFunction {
  constructor(scope: Construct, id: string, props: CarouselFunctionProps) {
    super(scope, id, {
      ...props,
      sources: SOURCES,
      memoryMb: FUNCTION_MEMORY_MB[props.role],
      timeoutSeconds: FUNCTION_TIMEOUT_SECONDS[props.role],
    });
  }
}
