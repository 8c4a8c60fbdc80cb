import type { Execution, InstanceEnd } from './model';

/** What happens to the instance, as members of run_options. */
const END: Readonly<Record<InstanceEnd, Readonly<Record<string, boolean>>>> = {
  terminate: { ii_terminate_instance: true, ii_delete_volume: true },
  stop: { ii_terminate_instance: false, ii_delete_volume: false },
  'stop-delete-volumes': { ii_terminate_instance: false, ii_delete_volume: true },
};

/**
 * An execution as a file of the newest dialect. `parseExecution` reads the same execution from this file, but without
 * `dates`: the file has the dates themselves and no longer DATE or DAILY.
 */
export function asFile(execution: Execution): Readonly<Record<string, unknown>> {
  const { commands, instance_parameters, region, check_object, retry_backoff, ii_instance_types } = execution;
  return {
    commands,
    run_options: {
      ...END[execution.instance_end],
      ii_check_s3: check_object ? { bucket: check_object.bucket, prefix: check_object.key } : false,
      ii_cheapo: execution.ii_cheapo,
      timeout_s: execution.timeout_s,
      n_retries_allowed: execution.n_retries_allowed,
      ...(ii_instance_types && { ii_instance_types }),
      ...(execution.ii_wait_inputs && { ii_wait_inputs: execution.ii_wait_inputs }),
      ...(retry_backoff && {
        retry_backoff_base_s: retry_backoff.base_s,
        retry_backoff_max_s: retry_backoff.max_s,
        retry_backoff_rate: retry_backoff.rate,
      }),
    },
    instance_parameters,
    ...(region !== undefined && { region }),
  };
}
