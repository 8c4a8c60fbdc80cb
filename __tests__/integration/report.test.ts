import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeReport } from '../../cli/output/report/page';
import { fiveDays } from '../support/report';
import { describeWith } from '../support/tools';

/** What a browser says of the page in a frame of some width. */
interface Seen {
  readonly width: number;
  /** How many pixels the page is wider than its frame. */
  readonly wider: number;
  /** The smallest text of the charts, in pixels on the screen. */
  readonly smallest: number;
  /** Texts of charts that their chart cuts off. */
  readonly cut: readonly string[];
  readonly background: string;
  readonly ink: string;
  /** Colours that bars and cells have on the screen. */
  readonly fills: readonly string[];
  /** What the Tab key reaches, by tag. */
  readonly focusable: readonly string[];
}

/** Looks at the page in frames of three widths. The page itself has no script, so this is the script of the frames. */
const LOOK = `
const seen = [...document.querySelectorAll('iframe')].map((frame) => {
  const page = frame.contentDocument;
  const view = frame.contentWindow;
  const texts = [...page.querySelectorAll('svg text')].filter((text) => text.textContent.trim() !== '');
  const scaled = texts.map((text) => {
    const svg = text.closest('svg');
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    return parseFloat(view.getComputedStyle(text).fontSize) * scale;
  });
  const cut = texts.filter((text) => {
    const box = text.getBoundingClientRect();
    const chart = text.closest('figure').getBoundingClientRect();
    return box.left < chart.left - 1 || box.right > chart.right + 1;
  });
  const fills = [...page.querySelectorAll('svg rect')].map((rect) => view.getComputedStyle(rect).fill);
  const focusable = [...page.querySelectorAll('a, summary, [tabindex]')].filter((each) => each.tabIndex === 0);
  return {
    width: frame.clientWidth,
    wider: page.documentElement.scrollWidth - page.documentElement.clientWidth,
    smallest: Math.min(...scaled),
    cut: cut.map((text) => text.textContent),
    background: view.getComputedStyle(page.body).backgroundColor,
    ink: view.getComputedStyle(page.body).color,
    fills: [...new Set(fills)],
    focusable: [...new Set(focusable.map((each) => each.tagName.toLowerCase()))],
  };
});
document.body.textContent = JSON.stringify(seen);
`;

const WIDTHS = [400, 800, 1600];

describeWith(['chromium'], 'The report in a browser', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'datastream-test-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function look(scheme: 'light' | 'dark'): readonly Seen[] {
    const rows = fiveDays().map((row) => ({ ...row, steps: { GET_RESOURCES: 30, NGEN: 300, MERKLE: 20 } }));
    const { html } = makeReport(rows, 'nrds_prod_sm', new Date('2026-08-23T02:00:00Z'));
    const attribute = html.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
    const frames = WIDTHS.map(
      (width) => `<iframe style="width:${width}px;height:900px;border:0" srcdoc="${attribute}"></iframe>`,
    );
    const file = path.join(folder, `${scheme}.html`);
    writeFileSync(file, `<!doctype html><body>${frames.join('')}<script>onload = () => {${LOOK}}</script></body>`);
    const { stdout, stderr } = spawnSync(
      'chromium',
      [
        ...['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${path.join(folder, 'profile')}`],
        // Blink's own numbers: 0 is dark, 1 is light.
        ...[`--blink-settings=preferredColorScheme=${scheme === 'dark' ? 0 : 1}`, '--dump-dom', `file://${file}`],
      ],
      { encoding: 'utf8', maxBuffer: 1e8 },
    );
    const text = /<body>(\[.*\])<\/body>/s.exec(stdout)?.[1];
    if (text === undefined) throw new Error(`Chromium has not looked at the page: ${stderr}`);
    return JSON.parse(text.replaceAll('&gt;', '>').replaceAll('&lt;', '<').replaceAll('&amp;', '&')) as Seen[];
  }

  it('fits 400, 800 and 1600 pixels, and its charts can be read', () => {
    const seen = look('light');

    expect(seen.map(({ width }) => width)).toEqual(WIDTHS);
    expect(seen.map(({ wider }) => wider)).toEqual([0, 0, 0]);
    expect(seen.flatMap(({ cut }) => cut)).toEqual([]);
    expect(seen.filter(({ smallest }) => smallest < 9)).toEqual([]);
  });

  it('is dark where the reader asks for it, and its charts too', () => {
    const [light] = look('light');
    const [dark] = look('dark');

    expect([light?.background, dark?.background]).toEqual(['rgb(255, 255, 255)', 'rgb(13, 17, 23)']);
    expect([light?.ink, dark?.ink]).toEqual(['rgb(27, 31, 36)', 'rgb(230, 237, 243)']);
    // A fill that the browser does not understand would be black.
    expect(light?.fills).toContain('rgb(0, 114, 178)');
    expect(dark?.fills).toContain('rgb(61, 155, 216)');
    expect([...(light?.fills ?? []), ...(dark?.fills ?? [])]).not.toContain('rgb(0, 0, 0)');
  });

  it('is reached by keyboard: links, what opens, and what scrolls', () => {
    for (const { focusable } of look('light')) expect([...focusable].sort()).toEqual(['a', 'div', 'summary']);
  });
});
