import * as z from 'zod';
import { waitInputs } from '../shape';

/** Starts of executions in a second, where the matrix names none: more would meet EC2's limit of RunInstances. */
export const DEFAULT_STARTS_PER_SECOND = 1.5;

/** Hours for which a round starts what an earlier round has not, where the line names none. */
export const DEFAULT_CATCH_UP_H = 6;

/** Step Functions knows an execution's name for 90 days; after that a catch-up would run the job a second time. */
export const LONGEST_CATCH_UP_H = 90 * 24;

/** What a `${name}` in a template can name. */
export const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Names of a matrix, of streams and of lines: schedules are called after them. */
const KEY = /^[A-Za-z0-9][A-Za-z0-9_-]{0,30}$/;

/** `00..23`, `00..18/6`. */
export const RANGE = /^(\d{1,4})\.\.(\d{1,4})(?:\/([1-9]\d{0,3}))?$/;

const variableName = z.string().regex(VARIABLE, {
  error: 'This is no name of a variable: write letters, digits and _, not with a digit first.',
});
const keyName = z.string().regex(KEY, {
  error: 'This name is not possible: write up to 31 letters, digits, _ and -, not with _ or - first.',
});

const LIST = 'Write the name of a list, a range such as "00..18/6", or a list of texts in [ ].';
const listShape = z
  .union([z.string(), z.array(z.string({ error: 'Write a text in quotes: 01 and "01" are not the same.' }))], {
    error: LIST,
  })
  .meta({ description: 'A list by its name, a range such as "00..18/6", or the texts themselves.' });

const scalarShape = z.union([z.string(), z.number(), z.boolean()], {
  error: 'Write a text, a number, true or false.',
});
const joinShape = z
  .strictObject({ join: listShape })
  .meta({ description: 'The texts of a list, with commas between them.' });
const choiceShape = z
  .object({
    by: variableName.meta({ description: 'The variable whose value decides.' }),
    else: scalarShape.meta({ description: 'The value where no case has the value of by.' }).optional(),
  })
  .catchall(scalarShape)
  .meta({
    description: 'A value by that of another variable. Each further key is a case: one value, or several with commas.',
    examples: [{ by: 'vpu', '05,07': 'm8g.2xlarge', else: 'm8g.xlarge' }],
  });

const valueShape = z.union([scalarShape, joinShape, choiceShape], {
  error: 'Write a text, a number, true or false, {"by": "..."} or {"join": "..."}.',
});
/** A value of a variable, as the matrix writes it. */
export type Value = z.infer<typeof valueShape>;

const varsShape = z.record(variableName, valueShape);
const eachShape = z
  .record(variableName, listShape)
  .meta({ description: 'One job for each value; with several variables one for each combination.' });

const nameShape = (description: string) => z.string({ error: 'Write a text in quotes.' }).meta({ description });

const CATCH_UP = {
  error: `Write whole hours from 0 to ${LONGEST_CATCH_UP_H}; Step Functions keeps names for 90 days.`,
};

/** `ii_wait_inputs` of an execution file. */
const gateShape = z.union([z.literal(true), waitInputs], {
  error: 'Write true, or {"wait_s": seconds, "uris": ["s3://..."]}.',
});
export type Gate = z.infer<typeof gateShape>;

const lineShape = z.strictObject({
  cycles: listShape.meta({ description: 'The hours of the forecast cycles in UTC, "00" to "23".' }),
  lag: z
    .string()
    .regex(/^(?:[01]?\d|2[0-3]):[0-5]\d$/, {
      error: 'Write hours and minutes after the cycle, from "0:00" to "23:59".',
    })
    .meta({ description: 'How long after its cycle a job starts, H:MM.', examples: ['5:00'] }),
  each: eachShape.optional(),
  name: nameShape('The jobs’ name in place of the stream’s; with + first, what is added to the stream’s.').optional(),
  vars: varsShape.meta({ description: 'Variables of this line.' }).optional(),
  gate: gateShape
    .meta({ description: 'Inputs that must exist before a job starts: run_options.ii_wait_inputs.' })
    .optional(),
  catch_up_h: z
    .int(CATCH_UP)
    .min(0, CATCH_UP)
    .max(LONGEST_CATCH_UP_H, CATCH_UP)
    .meta({ description: 'Hours for which a later round starts what was not started.', default: DEFAULT_CATCH_UP_H })
    .optional(),
  pin: z
    .array(z.string().min(1, { error: 'This is empty: write a text of the commands.' }))
    .min(1, { error: 'This is empty: write the texts of the commands that find the day, or leave pin out.' })
    .meta({
      description: 'Texts of the commands that find the day, which a catch-up replaces by the cycle’s, YYYYMMDD.',
      examples: [['$(date -u +%Y%m%d)']],
    })
    .optional(),
});
/** A line of the matrix: what starts together. */
export type LineFile = z.infer<typeof lineShape>;

const streamShape = z.strictObject({
  template: nameShape('The execution file with ${name} for variables: a path from the matrix’s folder.'),
  name: nameShape('The jobs’ name, with ${name} for variables. A job’s execution is called after it and the day.'),
  each: eachShape.optional(),
  vars: varsShape.meta({ description: 'Variables of this stream.' }).optional(),
  lines: z.record(keyName, lineShape).meta({ description: 'What starts together, by name; run_type_l is that name.' }),
});
export type StreamFile = z.infer<typeof streamShape>;

/** A schedule matrix, as it stands in its file. */
export const matrixShape = z.strictObject({
  $schema: z.string().meta({ description: 'Location of this schema, for editors.' }).optional(),
  matrix: keyName.meta({ description: 'The name of the matrix.' }),
  starts_per_second: z
    .number({ error: 'Write a number above 0, without quotes.' })
    .positive({ error: 'Write a number above 0, without quotes.' })
    .meta({ description: 'How many executions are started in a second.', default: DEFAULT_STARTS_PER_SECOND })
    .optional(),
  vars: varsShape.meta({ description: 'Variables of every stream.' }).optional(),
  lists: z.record(variableName, listShape).meta({ description: 'Lists by name.' }).optional(),
  streams: z.record(keyName, streamShape).meta({ description: 'Kinds of jobs, each with a template.' }),
});
export type MatrixFile = z.infer<typeof matrixShape>;
