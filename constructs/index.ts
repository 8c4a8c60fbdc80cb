export { DataStream, type DataStreamProps } from './datastream/data-stream';
export type { MatrixSource } from './datastream/matrix';
