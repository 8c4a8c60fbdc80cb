import { PutObjectCommand } from '@aws-sdk/client-s3';
import { changed, PIPELINES } from '../support/pipelines';
import type { Finished } from '../support/terraform';
import { describeWith } from '../support/tools';
import { startTsdatAws, type TsdatAws, tsdatClients } from '../support/tsdat-aws';
import { deniedTsdat } from '../support/tsdat-calls';
import { said, TsdatWorkspace } from '../support/tsdat-workspace';

const SITE = `      morro:
        input_bucket_path: ./lidar/morro
        config_file_path: pipelines/lidar/config/pipeline_morro.yaml
`;

describeWith(
  ['terraform', 'moto_server'],
  'a branch of tsdat on an emulated AWS, from its first plan to its end',
  () => {
    let aws: TsdatAws;
    let workspace: TsdatWorkspace;
    beforeAll(async () => {
      aws = await startTsdatAws();
      workspace = new TsdatWorkspace(aws.endpoint);
    });
    afterAll(async () => {
      await aws?.stop();
      workspace?.remove();
    });

    let seen: Record<string, Finished>;
    beforeAll(async () => {
      const folder = await workspace.stacks('life', PIPELINES);
      const [main, data] = [folder('tsdat-main'), folder('tsdat-data-buoy-input')];
      seen = {};
      // Independent of one another, and quicker together.
      await Promise.all([main, data].map((each) => workspace.init(each)));
      [seen.apply, seen.data] = await Promise.all([workspace.apply(main), workspace.apply(data)]);
      [seen.again, seen.dataAgain] = await Promise.all([workspace.plan(main), workspace.plan(data)]);
      // The state lies beside the output, so another synthesis goes on with it.
      await workspace.stacks('life', changed([SITE, '']));
      [seen.removed, seen.removedData] = await Promise.all([workspace.plan(main), workspace.plan(data)]);
      const { s3 } = tsdatClients(aws.endpoint);
      await s3.send(
        new PutObjectCommand({ Bucket: 'buoy-pipelines-main-123456789012-records', Key: 'runs/f/1.json', Body: 'x' }),
      );
      await s3.send(new PutObjectCommand({ Bucket: 'buoy-output', Key: 'storage/root/data/x.nc', Body: 'x' }));
      [seen.destroy, seen.refused] = await Promise.all([workspace.destroy(main), workspace.destroy(data)]);
    });

    test('is deployed: 43 resources, and 7 of its data', () => {
      expect(said(seen.data as Finished)).toEqual([0, 'Apply complete! Resources: 7 added, 0 changed, 0 destroyed.']);
      expect(said(seen.apply as Finished)).toEqual([0, 'Apply complete! Resources: 43 added, 0 changed, 0 destroyed.']);
    });

    test('shows no change in a second plan', () => {
      expect(said(seen.again as Finished)).toEqual([0, 'No changes']);
      expect(said(seen.dataAgain as Finished)).toEqual([0, 'No changes']);
    });

    test('loses six resources with a site, and the folder', () => {
      expect(said(seen.removed as Finished)).toEqual([2, 'Plan: 0 to add, 3 to change, 6 to destroy.']);
      expect(said(seen.removedData as Finished)).toEqual([2, 'Plan: 0 to add, 0 to change, 1 to destroy.']);
    });

    test('is destroyed, and leaves the data', () => {
      expect(said(seen.destroy as Finished)).toEqual([0, 'Destroy complete! Resources: 43 destroyed.']);
      expect(seen.refused?.code).toBe(1);
      expect(seen.refused?.output).toContain('BucketNotEmpty');
    });

    test('has started the build once', () => {
      expect(aws.releases).toHaveLength(1);
    });

    test('needs no more than the documented permissions', () => {
      expect(deniedTsdat(aws.deployer, ['buoy-pipelines-main'], ['buoy'])).toEqual([]);
      expect(aws.deployer.length).toBeGreaterThan(300);
    });
  },
);
