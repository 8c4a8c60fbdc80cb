import { createHash } from 'node:crypto';
import type { prepare } from '../../lambdas/tsdat/preparer';

/** A registry, a bucket's notifications and a pipeline in memory. Each call can fail, before or after its effect. */
export class PreparersAccount {
  readonly images = new Map<string, string>();
  readonly layers = new Map<string, Uint8Array>();
  readonly uploads = new Map<string, Uint8Array>();
  notifications: Record<string, unknown> = {};
  readonly releases = new Map<string, string>();
  readonly calls: string[] = [];
  /** What each call was made with. */
  readonly inputs: Record<string, unknown>[] = [];
  slept = 0;
  fault: { readonly at: number; readonly kind: 'throttled' | 'lost reply' | 'refused' } | undefined;

  readonly client = {
    send: async (command: { constructor: { name: string }; input: Record<string, unknown> }) => {
      const name = command.constructor.name.replace(/Command$/, '');
      this.calls.push(name);
      this.inputs.push(command.input);
      const { at, kind } = this.fault ?? { at: 0 };
      const faulty = this.calls.length === at;
      if (faulty && kind === 'throttled') throw Object.assign(new Error('slow'), { name: 'ThrottlingException' });
      if (faulty && kind === 'refused') throw Object.assign(new Error('no'), { name: 'AccessDeniedException' });
      const answer = this.#carryOut(name, command.input);
      if (faulty && kind === 'lost reply') throw Object.assign(new Error('reset'), { name: 'TimeoutError' });
      return { $metadata: {}, ...answer };
    },
  };
  readonly clients = {
    ecr: this.client,
    s3: this.client,
    codepipeline: this.client,
    clock: {
      now: () => new Date(),
      sleep: async () => {
        this.slept += 1;
      },
    },
  } as unknown as Parameters<typeof prepare>[1];

  #carryOut(name: string, input: Record<string, unknown>): object {
    const text = (key: string) => String(input[key]);
    const refuse = (error: string): never => {
      throw Object.assign(new Error(error), { name: error });
    };
    switch (name) {
      case 'BatchGetImage': {
        const tags = (input.imageIds as { imageTag: string }[]).map(({ imageTag }) => imageTag);
        if (tags.length > 100) refuse('InvalidParameterException');
        return { images: tags.filter((tag) => this.images.has(tag)).map((imageTag) => ({ imageId: { imageTag } })) };
      }
      case 'InitiateLayerUpload': {
        const uploadId = `u${this.calls.length}`;
        return { uploadId };
      }
      case 'UploadLayerPart': {
        const { partFirstByte, partLastByte, layerPartBlob } = input;
        const bytes = layerPartBlob as Uint8Array;
        if (partFirstByte !== 0 || partLastByte !== bytes.length - 1) refuse('InvalidLayerPartException');
        this.uploads.set(text('uploadId'), bytes);
        return {};
      }
      case 'CompleteLayerUpload': {
        const [digest = ''] = input.layerDigests as string[];
        const bytes = this.uploads.get(text('uploadId')) ?? new Uint8Array();
        if (`sha256:${createHash('sha256').update(bytes).digest('hex')}` !== digest) refuse('InvalidLayerException');
        if (this.layers.has(digest)) refuse('LayerAlreadyExistsException');
        this.layers.set(digest, bytes);
        return {};
      }
      case 'PutImage': {
        const manifest = JSON.parse(text('imageManifest')) as {
          config: { digest: string };
          layers: { digest: string }[];
        };
        for (const { digest } of [manifest.config, ...manifest.layers]) {
          if (!this.layers.has(digest)) refuse('LayersNotFoundException');
        }
        if (this.images.has(text('imageTag'))) refuse('ImageAlreadyExistsException');
        this.images.set(text('imageTag'), text('imageManifest'));
        return {};
      }
      case 'GetBucketNotificationConfiguration':
        return this.notifications;
      case 'PutBucketNotificationConfiguration':
        this.notifications = JSON.parse(JSON.stringify(input.NotificationConfiguration));
        return {};
      case 'StartPipelineExecution':
        this.releases.set(text('clientRequestToken'), text('name'));
        return { pipelineExecutionId: '1' };
      default:
        throw new Error(name);
    }
  }
}
