import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Problem } from '../files/problems';
import { record, text } from '../files/values';
import { parseYaml } from '../files/yaml';
import { Findings } from './findings';
import type { PipelinesConfig } from './model';
import type { ParsedPipelines } from './parse';

/** The first tsdat that the deployment's handler works with (tsdat's guide, "Create code repos"). */
export const OLDEST_TSDAT = '0.7.1';

/** What of the repository enters an image, besides `pipelines/<name>`. The build hashes the same. */
export const SHARED_SOURCES = ['shared', 'utils', 'requirements.txt', 'environment.yml'] as const;

/** As many names as a message shows. */
const SHOWN = 5;

/**
 * Compares a configuration with a checkout of the pipelines' repository.
 *
 * @param folder the checkout
 * @param at how messages name it; default: `folder`
 */
export function checkRepository({ draft, lineOf }: ParsedPipelines, folder: string, at = folder): Problem[] {
  if (!isFolder(folder)) {
    return [
      {
        severity: 'error',
        path: at,
        message: "There is no such folder: write the checkout of the pipelines' repository.",
      },
    ];
  }
  const findings = new Findings((where) => lineOf?.(where) ?? 1);
  if (draft) checkFiles(draft, folder, findings);
  return [
    ...findings.inOrder(),
    ...(draft ? checkParts(draft, folder) : []),
    ...checkTsdat(folder),
    ...checkLineEnds(folder),
  ];
}

function checkFiles({ pipelines }: PipelinesConfig, folder: string, findings: Findings): void {
  for (const [at, { name, configs }] of pipelines.entries()) {
    if (name !== '' && !hasExactly(folder, `pipelines/${name}`)) {
      findings.error(
        ['pipelines', at, 'name'],
        `The repository has no folder pipelines/${name}: write the folder's name.`,
        name,
      );
    }
    for (const { id, configFilePath } of configs) {
      if (configFilePath === '' || hasExactly(folder, configFilePath)) continue;
      findings.error(
        ['pipelines', at, 'configs', id, 'config_file_path'],
        'The repository has no such file: correct the path, also its capital letters, or add the file.',
        configFilePath,
      );
    }
  }
}

/**
 * The parts of a pipeline that its file may keep in files of their own, as `retriever: {path: FILE}` (tsdat's
 * PipelineConfig). tsdat refuses a path that is no file; it is relative to where the pipeline runs, the repository.
 */
const PARTS = ['retriever', 'dataset', 'quality', 'storage'];

/** Files that a pipeline's file names and the repository lacks. A file that is no YAML is tsdat's to refuse. */
function checkParts({ pipelines }: PipelinesConfig, folder: string): Problem[] {
  const files = new Set(pipelines.flatMap(({ configs }) => configs.map(({ configFilePath }) => configFilePath)));
  return [...files]
    .filter((file) => file !== '' && isFile(path.join(folder, file)))
    .flatMap((file) => {
      const yaml = parseYaml(readFileSync(path.join(folder, file), 'utf8'));
      if ('errors' in yaml) return [];
      return PARTS.flatMap((part) => {
        const named = text(record(record(yaml.value)[part]).path);
        // An absolute path, or one with a variable, is of the image and not of the repository.
        if (named === undefined || /^[/~]|\$|(^|\/)\.\.(\/|$)/.test(named) || hasExactly(folder, named)) return [];
        return [
          {
            severity: 'error' as const,
            path: `${file}:${yaml.lineOf([part, 'path'])}: ${part}.path`,
            found: JSON.stringify(named),
            message: 'The repository has no such file: correct the path, also its capital letters, or add the file.',
          },
        ];
      });
    });
}

/** Whether a path is there with these very letters: a disk of macOS or Windows would not mind, the image does. */
function hasExactly(folder: string, file: string): boolean {
  let here = folder;
  for (const part of file.split('/')) {
    if (part === '' || part === '.') continue;
    if (!isFolder(here) || !readdirSync(here).includes(part)) return false;
    here = path.join(here, part);
  }
  return true;
}

/** Reads the requirement of tsdat, of pip's or conda's file. */
function checkTsdat(folder: string): Problem[] {
  const found = ['requirements.txt', 'environment.yml'].flatMap((file) =>
    linesOf(path.join(folder, file)).flatMap((line, at) => {
      const [, rest] =
        /^[\s-]*["']?tsdat(?:\[[^\]]*\])?\s*((?:[=<>!~].*)?)$/i.exec(line.replace(/\s*(#|;).*$/, '')) ?? [];
      return rest === undefined
        ? []
        : [{ where: `${file}:${at + 1}`, line: line.trim(), rest: rest.replace(/["']/g, '') }];
    }),
  );
  if (found.length === 0) {
    return [
      {
        severity: 'warning',
        path: 'requirements.txt',
        message: `It does not name tsdat: write tsdat>=${OLDEST_TSDAT}, or the version that your pipelines were tested with.`,
      },
    ];
  }
  return found
    .filter(({ rest }) => !admitsSupported(rest))
    .map(({ where, line }) => ({
      severity: 'error' as const,
      path: where,
      found: JSON.stringify(line),
      message: `The deployment needs tsdat ${OLDEST_TSDAT} or later: write tsdat>=${OLDEST_TSDAT}.`,
    }));
}

/** Whether pip could install a version that is supported. */
function admitsSupported(specifiers: string): boolean {
  return specifiers.split(',').every((each) => {
    const [, operator = '', version = ''] = /^\s*(===|==|=|<=|<|~=|>=|>|!=)\s*v?([\d.]+)/.exec(each) ?? [];
    const order = compareVersions(version, OLDEST_TSDAT);
    if (['==', '===', '=', '<='].includes(operator))
      return order >= 0 || (each.includes('.*') && OLDEST_TSDAT.startsWith(version.replace(/\.$/, '')));
    if (operator === '<') return order > 0;
    // ~=0.6.2 means 0.6.*, and ~=0.6 means 0.*.
    if (operator === '~=') return compareVersions(withoutLast(version), withoutLast(OLDEST_TSDAT, version)) >= 0;
    return true;
  });
}

/** The parts before the last one. @param like take as many parts as this has */
function withoutLast(version: string, like = version): string {
  return version
    .split('.')
    .slice(0, like.split('.').length - 1)
    .join('.');
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((each) => each.split('.').filter(Boolean).map(Number));
  for (let at = 0; at < Math.max(left?.length ?? 0, right?.length ?? 0); at += 1) {
    const difference = (left?.[at] ?? 0) - (right?.[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Windows' line ends make a script's first line unreadable on Linux. The build writes Linux's into the image. */
function checkLineEnds(folder: string): Problem[] {
  const files = ['pipelines', ...SHARED_SOURCES]
    .flatMap((each) => filesBelow(folder, each))
    .filter(
      (file) =>
        /\.(py|ya?ml|txt|sh|cfg|toml|json)$/.test(file) && readFileSync(path.join(folder, file)).includes('\r\n'),
    );
  if (files.length === 0) return [];
  const more = files.length > SHOWN ? ` and ${files.length - SHOWN} more` : '';
  return [
    {
      severity: 'warning',
      path: files.slice(0, SHOWN).join(', ') + more,
      message: `${files.length === 1 ? 'This file has' : 'These files have'} Windows' line ends (CRLF). The build writes LF into the images; to store LF, write "* text=auto eol=lf" into .gitattributes.`,
    },
  ];
}

function filesBelow(folder: string, name: string): string[] {
  const root = path.join(folder, name);
  if (!isFolder(root)) return isFile(root) ? [name] : [];
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name: file }) => path.relative(folder, path.join(parentPath, file)).split(path.sep).join('/'))
    .sort();
}

const isFolder = (file: string) => statSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
const isFile = (file: string) => statSync(file, { throwIfNoEntry: false })?.isFile() === true;
const linesOf = (file: string) => (isFile(file) ? readFileSync(file, 'utf8').split(/\r?\n/) : []);
