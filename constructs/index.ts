export type { PipelinesConfig } from '../pipelines/model';
export { type ParsedPipelines, parsePipelines } from '../pipelines/parse';
export { DataStream, type DataStreamProps } from './datastream/data-stream';
export type { MatrixSource } from './datastream/matrix';
export type { PolicyStatement } from './tsdat/props';
export { TsdatData, type TsdatDataProps } from './tsdat/tsdat-data';
export { TsdatPipelines, type TsdatPipelinesProps } from './tsdat/tsdat-pipelines';
