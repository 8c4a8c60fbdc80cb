export { DataStream, type DataStreamProps } from './datastream/data-stream';
