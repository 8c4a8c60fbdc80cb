import { parseHTML } from 'linkedom';
import { dollars as dollarText } from '../../../../cli/output/dollars';
import { makeReport } from '../../../../cli/output/report/page';
import { fiveDays } from '../../../support/report';

const NOW = new Date('2026-08-23T02:00:00Z');

const rows = fiveDays();
const { html, document } = makeReport(rows, 'nrds_prod_sm', NOW);
const page = parseHTML(html).document;
const all = (selector: string) => Array.from(page.querySelectorAll(selector));

describe('The page of five days with 1,238 jobs each', () => {
  it('is smaller than 1 MB', () => {
    expect(rows.length).toBe(5 * 1238);
    expect(Buffer.byteLength(html)).toBeLessThan(1_000_000);
  });

  it('asks for nothing outside of itself, and has no script', () => {
    expect(html).not.toMatch(/https?:|url\(|@import|<script|javascript:|\son\w+=/i);
    expect(all('[src], link, iframe, object, form, image, use')).toEqual([]);
    expect(all('a').map((link) => link.getAttribute('href')?.[0])).toEqual(all('a').map(() => '#'));
  });

  it('says how many jobs have each outcome, as the figures do', () => {
    const tiles = Object.fromEntries(
      all('.tiles div').map((tile) => [
        tile.querySelector('dt')?.textContent ?? '',
        tile.querySelector('dd')?.textContent?.replace(',', ''),
      ]),
    );
    const { jobs, ok, retried, running, failed, missing } = document.totals;

    expect(ok + retried + running + failed + missing).toBe(jobs);
    expect(tiles).toMatchObject(
      Object.fromEntries(
        Object.entries({ expected: jobs, ok, retried, running, failed, missing }).map(([name, value]) => [
          name,
          String(value),
        ]),
      ),
    );
  });

  it('draws every job of a day and every cycle of a line', () => {
    const titles = all('section#outcomes svg title').map((title) => title.textContent ?? '');
    const counted = titles.reduce((sum, title) => sum + Number(/: (\d+) /.exec(title)?.[1]), 0);

    expect(counted).toBe(rows.length);
    expect(all('section#cycles svg title').length).toBe(document.cycles.length);
    expect(all('section#outcomes svg').length).toBe(document.streams.length);
    expect(all('section#cycles svg').length).toBe(document.lines.length);
    expect(all('section#places svg title').length).toBe(document.place_cycles.length);
    // Six lines have 20 places each.
    expect(document.place_cycles.length).toBe(2 * 20 * (24 + 4 + 1));
  });

  it('lists every job that failed or is missing, with the first line of its cause as text', () => {
    const listed = all('section#problems details tbody tr').map((line) => line.textContent ?? '');

    expect(listed.length).toBe(document.totals.failed + document.totals.missing);
    expect(html).toContain('&quot;./run -s 20260818 &lt;forcing&gt; &amp; more&quot;');
    expect(html).not.toContain('<forcing>');
    expect(html).not.toContain('last lines');
  });

  it('tells dollars as they are', () => {
    const told = all('section#cost svg text').map((text) => text.textContent ?? '');
    for (const { stream, dollars } of document.streams) expect(told).toContain(`${stream}  ${dollarText(dollars)}`);
  });

  it('names its twin and the options of its executions', () => {
    const failed = rows.filter(({ status }) => status === 'FAILED').slice(0, 1);
    const made = makeReport(failed, 'sm', NOW, { twin: 'status.json', where: ' --local' });

    expect(made.html).toContain('The same figures are in status.json.');
    expect(made.html).toMatch(/datastream logs \S+ --local</);
  });

  it('tells what costs less than a cent as an estimate does', () => {
    const cheap = rows.filter(({ status }) => status === 'SUCCEEDED').slice(0, 1);
    const made = makeReport(
      cheap.map((each) => ({ ...each, dollars: 0.00064 })),
      'sm',
      NOW,
    );

    expect(parseHTML(made.html).document.querySelector('.tiles')?.textContent).toContain('$0.00064');
    expect(made.html).toContain(`${cheap[0]?.stream}  $0.00064<`);
  });

  it('has room for the texts of its axes', () => {
    const cheap = rows
      .slice(0, 1)
      .map((each) => ({ ...each, status: 'SUCCEEDED' as const, seconds: 1, dollars: 0.00064 }));
    const drawn = parseHTML(makeReport(cheap, 'sm', NOW).html).document;
    for (const id of ['durations', 'leads', 'cost']) {
      const ticks = Array.from(drawn.querySelectorAll(`#${id} [aria-label="x-axis tick label"] text`));
      expect([id, ticks.length > 1]).toEqual([id, true]);
      for (const each of ticks) {
        // A digit of 12 pixels is 7 wide, and the text is centred.
        const at = Number(/translate\(([\d.]+)/.exec(each.getAttribute('transform') ?? '')?.[1]);
        const half = ((each.textContent ?? '').length * 7) / 2;
        expect([id, at - half >= 0, at + half <= 352]).toEqual([id, true, true]);
      }
    }
    // The axis's own label stands a line below those of the ticks.
    const labels = Array.from(drawn.querySelectorAll('svg [aria-label="x-axis label"]'));
    expect(labels.length).toBe(4);
    for (const each of labels) expect(each.getAttribute('transform')).toMatch(/,40\.5\)$/);
  });

  it('can be read without seeing it and used without a mouse', () => {
    expect(page.documentElement.getAttribute('lang')).toBe('en');
    expect(all('svg').filter((chart) => !chart.getAttribute('aria-label'))).toEqual([]);
    const ids = new Set(all('[id]').map((each) => `#${each.id}`));
    expect(all('a').filter((link) => !ids.has(link.getAttribute('href') ?? ''))).toEqual([]);
    // What scrolls takes the focus, and has a name.
    expect(
      all('.scroll').filter((each) => each.getAttribute('tabindex') !== '0' || !each.getAttribute('aria-label')),
    ).toEqual([]);
    // Each section with charts has the same as a table.
    for (const id of ['outcomes', 'cycles', 'places', 'durations', 'leads', 'cost']) {
      expect(all(`section#${id} details table`).length).toBe(1);
    }
  });

  it('has a document with every row for programs', () => {
    expect(JSON.parse(JSON.stringify(document)).rows).toEqual(rows);
  });
});

describe('The colours', () => {
  const schemes = [...html.matchAll(/:root\{([^}]*)\}/g)].map(([, text = '']) =>
    Object.fromEntries(Array.from(text.matchAll(/--([a-z-]+):(#[0-9a-f]+)/g), ([, name, value]) => [name, value])),
  );

  /** Relative luminance (WCAG 2.2). */
  const luminance = (colour: string) => {
    const hex = colour.length === 4 ? colour.replace(/[0-9a-f]/g, '$&$&') : colour;
    const [red = 0, green = 0, blue = 0] = [1, 3, 5]
      .map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one = '', other = '') => {
    const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };

  it('are those of light and of dark', () => {
    expect(schemes.length).toBe(2);
  });

  it.each([0, 1])('have the contrast that WCAG asks of text, scheme %d', (scheme) => {
    const colours = schemes[scheme] ?? {};
    for (const name of ['ink', 'soft', 'link'])
      expect([name, contrast(colours[name], colours.page) >= 4.5]).toEqual([name, true]);
    for (const name of ['running', 'failed', 'missing', 'paused']) {
      expect([name, contrast(colours[name], colours['on-colour']) >= 4.5]).toEqual([name, true]);
    }
  });
});

it.each([
  ['no rows at all', []],
  ['one job that succeeded', rows.filter(({ status }) => status === 'SUCCEEDED').slice(0, 1)],
  ['jobs of which none succeeded', rows.filter(({ status }) => status === 'NOT_STARTED')],
])('makes a page of %s', (_, some) => {
  const made = makeReport(some, 'a <b> & "c"', NOW);

  expect(made.html).toContain('<h1>a &lt;b&gt; &amp; &quot;c&quot;</h1>');
  expect(made.html).not.toMatch(/NaN|undefined|Infinity/);
});

it('names the number of the jobs that it does not list', () => {
  const [failed] = rows.filter(({ status }) => status === 'FAILED');
  const many = Array.from({ length: 600 }, (_, index) => ({ ...(failed ?? rows[0]), name: `job_${index}` }));

  const made = makeReport(many as typeof rows, 'sm', NOW);

  expect(made.html).toContain('100 other jobs in report.json');
  expect(made.html).not.toContain('job_500<');
});

it('shows the steps of the jobs that tell them, by line and place, in its own colours', () => {
  const steps = (index: number) => ({ GET_RESOURCES: 30, NGEN: 300 + (index % 100), 'A<B>': 5 });
  const told = rows.map((row, index) => (row.status === 'SUCCEEDED' ? { ...row, steps: steps(index) } : row));

  const made = makeReport(told, 'nrds_prod_sm', NOW);
  const its = Array.from(parseHTML(made.html).document.querySelectorAll('section#steps svg'));

  expect(its.length).toBe(document.lines.length);
  expect(its.flatMap((chart) => Array.from(chart.querySelectorAll('title'))).length).toBe(made.document.steps.length);
  expect(made.html).toContain('>A&lt;B&gt;</li>');
  expect(made.html).not.toContain('A<B>');
  expect(Buffer.byteLength(made.html)).toBeLessThan(1_000_000);
  expect(html).not.toContain('id="steps"');
});
