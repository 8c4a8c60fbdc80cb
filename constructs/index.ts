export { BatchJob, type BatchJobProps } from './aws/batch-job';
export { type Architecture, BatchQueue, type BatchQueueProps } from './aws/batch-queue';
export { type ExistingNetworkProps, type JobNetwork, Network, type NetworkProps } from './aws/network';
export { DataCarousel, type DataCarouselProps, type ExistingHsds, type NewHsds } from './carousel/data-carousel';
export type { CarouselJob } from './carousel/jobs';
export { DataStream, type DataStreamProps } from './datastream/data-stream';
export type { MatrixSource } from './datastream/matrix';
