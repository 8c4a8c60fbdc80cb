import type { EcrRepository } from '@cdktf/provider-aws/lib/ecr-repository';
import { SqsQueue } from '@cdktf/provider-aws/lib/sqs-queue';
import type { ITerraformDependable } from 'cdktf';
import { Construct } from 'constructs';
import { BatchJob } from '../aws/batch-job';
import type { BatchQueue } from '../aws/batch-queue';
import { jobRepository } from '../aws/job-repository';
import { derivedName } from '../aws/names';

/** Seconds in which an indexing job works on one file; the message is hidden from others so long. */
const WORK_SECONDS = 1800;

export interface IndexingProps {
  readonly namePrefix: string;
  readonly queue: BatchQueue;
  /** The repository and tag of the image, once it is built; default: the new repository's `latest`. */
  readonly image?: string;
  readonly hsds?: { readonly secretArn: string };
  readonly filesTableName: string;
  readonly filesTableArn: string;
  readonly archiveObjects: string;
  readonly region: string;
  readonly after: ITerraformDependable;
  readonly permissionsBoundaryArn?: string;
}

/**
 * The queue of files to index, its dead letters, and the job that indexes them into HSDS, with a repository for its image
 * (images/hsload).
 */
export class Indexing extends Construct {
  readonly workQueue: SqsQueue;
  readonly deadLetters: SqsQueue;
  readonly repository: EcrRepository;
  readonly job: BatchJob;

  constructor(scope: Construct, id: string, props: IndexingProps) {
    super(scope, id);
    const { namePrefix } = props;
    this.deadLetters = new SqsQueue(this, 'dead-letters', {
      name: `${namePrefix}_hsload_dead.fifo`,
      fifoQueue: true,
      messageRetentionSeconds: 14 * 86_400,
      sqsManagedSseEnabled: true,
      dependsOn: [props.after],
    });
    this.workQueue = new SqsQueue(this, 'work', {
      name: `${namePrefix}_hsload_work.fifo`,
      fifoQueue: true,
      messageRetentionSeconds: 14 * 86_400,
      visibilityTimeoutSeconds: WORK_SECONDS,
      sqsManagedSseEnabled: true,
      redrivePolicy: `{"deadLetterTargetArn":"${this.deadLetters.arn}","maxReceiveCount":3}`,
      dependsOn: [props.after],
    });
    this.repository = jobRepository(this, `${namePrefix}/hsload`, props.after);
    this.job = new BatchJob(this, 'hsload', {
      name: 'hsload',
      namePrefix: derivedName(namePrefix, '-hsload'),
      image: props.image || `${this.repository.repositoryUrl}:latest`,
      command: ['/opt/hsload/index.sh'],
      environment: {
        WORK_QUEUE_URL: this.workQueue.url,
        FILES_TABLE: props.filesTableName,
        AWS_DEFAULT_REGION: props.region,
      },
      ...(props.hsds && {
        secrets: {
          HS_USERNAME: `${props.hsds.secretArn}:username::`,
          HS_PASSWORD: `${props.hsds.secretArn}:password::`,
        },
      }),
      vcpus: 1,
      memoryMiB: 1024,
      timeoutSeconds: 6 * 3600,
      queue: props.queue,
      ...(props.permissionsBoundaryArn && { permissionsBoundaryArn: props.permissionsBoundaryArn }),
    });
    this.job.role.grant({
      sid: 'TakeWork',
      actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage'],
      resources: [this.workQueue.arn],
    });
    this.job.role.grant({ sid: 'RecordIndex', actions: ['dynamodb:UpdateItem'], resources: [props.filesTableArn] });
    this.job.role.grant({ sid: 'ReadArchive', actions: ['s3:GetObject'], resources: [props.archiveObjects] });
  }
}
