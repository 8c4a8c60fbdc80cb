/**
 * The tag of a DataStream's state machine that tells which bucket its jobs use alone, for other systems that start it;
 * its value is empty where they use every bucket of the account.
 */
export const BUCKET_TAG = 'datastream:bucket';
