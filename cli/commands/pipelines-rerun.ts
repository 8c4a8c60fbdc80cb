import { statSync } from 'node:fs';
import path from 'node:path';
import { isRecord } from '../../files/values';
import { realClock } from '../../local/clock';
import { EmbeddedPipelines } from '../../local/pipelines';
import { commitOf, pythonProblem, withPython } from '../../local/python';
import { deploymentOf } from '../../pipelines/deployment';
import type { PipelinesConfig } from '../../pipelines/model';
import type { DeployedPipelines } from '../aws/pipelines';
import { interruption } from '../local-place';
import { count } from '../output/summary';
import { unknownName } from '../output/unknown-name';
import { type Output, wrap } from '../output/wrap';
import { failedEvents, folderObjects, toSecond } from '../pipeline-records';
import { readConfig, sentence } from './pipelines-status';

export interface RerunOptions {
  readonly branch: string;
  /** The events of this computer, in place of those on AWS. */
  readonly local?: boolean;
  readonly folder: string;
  /** With `local`: a checkout of the pipelines' repository. */
  readonly repo?: string;
  readonly python: string;
}

/**
 * Calls functions again for the events that failed for good, and forgets those events: one that fails again is kept again.
 * An event that has succeeded meanwhile runs nothing (images/tsdat/handler.py).
 *
 * @param named a pipeline or `NAME/CONFIG`; default: all
 * @returns the exit code: 0, 1 where one has failed again (only known on this computer), 2 for a wrong file or name, 5
 * when AWS cannot be asked, 130 when it was interrupted
 */
export async function rerunPipelines(
  file: string,
  named: string | undefined,
  options: RerunOptions,
  aws: (region: string) => DeployedPipelines,
  out: Output,
  err: Output,
): Promise<number> {
  const refuse = (text: string, code = 2) => {
    err.write(wrap(`${text}\n`, err));
    return code;
  };
  const config = readConfig(file, options.branch, err);
  if (!config) return 2;
  const { functions, recordsBucket } = deploymentOf(config, options.branch);
  const wanted = functions.filter(
    ({ pipeline, site }) => named === undefined || named === pipeline.name || named === `${pipeline.name}/${site.id}`,
  );
  if (wanted.length === 0) {
    const known = functions.flatMap(({ pipeline, site }) => [pipeline.name, `${pipeline.name}/${site.id}`]);
    return refuse(unknownName('pipeline', named ?? '', [...new Set(known)]));
  }
  if (options.local) {
    const cannot = cannotRun(options);
    if (cannot) return refuse(cannot);
  }
  const interrupted = interruption();
  const deployed = options.local ? undefined : aws(config.region);
  const objects = deployed?.objects ?? folderObjects(path.resolve(options.folder, 'buckets'));
  const here = embedded(config, options, err, interrupted.signal);
  let again = 0;
  let failed = 0;
  try {
    for (const each of wanted) {
      for (const { key, time, event } of await failedEvents(objects, recordsBucket, each)) {
        if (interrupted.signal.aborted) break;
        // Its record may say that it runs: a run that was killed could not write its end. The time stays with the event
        // where it fails again.
        const marked = isRecord(event) ? { ...event, rerun: true, ...(time !== '' && { failed_first: time }) } : event;
        let result = 'called again';
        if (deployed) {
          await deployed.call(each.name, marked);
        } else {
          const { ok } = await here.invoke(each, marked);
          if (!ok) failed += 1;
          result = ok ? 'succeeded' : 'failed again';
        }
        // After the call: an event whose call was lost is still there.
        await objects.remove(recordsBucket, key);
        again += 1;
        out.write(`${each.pipeline.name}/${each.site.id}  event of ${toSecond(time)}  ${result}\n`);
      }
    }
  } catch (error) {
    return refuse(sentence(error, recordsBucket, config.region), 5);
  } finally {
    interrupted.done();
  }
  out.write(`${count(again, 'event')} called again${failed > 0 ? `, ${failed} failed` : ''}\n`);
  if (interrupted.signal.aborted) return 130;
  return failed > 0 ? 1 : 0;
}

/** Why nothing can run on this computer, in one sentence. */
function cannotRun({ repo, python }: RerunOptions): string | undefined {
  if (repo === undefined) return "Write --repo with the checkout of the pipelines' repository.";
  if (!statSync(repo, { throwIfNoEntry: false })?.isDirectory())
    return `${repo}: there is no such folder: write the checkout of the pipelines' repository.`;
  return pythonProblem(python, path.resolve(repo), repo);
}

function embedded(
  config: PipelinesConfig,
  { branch, folder, python, repo = '.' }: RerunOptions,
  err: Output,
  interrupted: AbortSignal,
) {
  return new EmbeddedPipelines({
    config,
    branch,
    folder: path.resolve(folder, 'buckets'),
    clock: realClock,
    start: withPython(python, path.resolve(repo), commitOf(path.resolve(repo))),
    heard: (_, text) => err.write(text),
    interrupted,
  });
}
