import { nearest } from '../files/nearest';

/**
 * A region's code, such as us-east-1, us-gov-west-1 or eusc-de-east-1: continent or partition, one or two words, one
 * digit.
 */
export const REGION = /^[a-z]{2,4}(-[a-z]{2,12}){1,2}-[1-9]$/;

/** The regions of AWS's partitions, as in the SDK's endpoint rules (@aws-sdk/core 3.974); a test compares the two. */
const KNOWN_REGIONS: readonly string[] = [
  'af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1',
  'ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7 ca-central-1 ca-west-1',
  'eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1',
  'me-south-1 mx-central-1 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 us-gov-east-1',
  'us-gov-west-1 us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1 eu-isoe-west-1 us-isof-east-1',
  'us-isof-south-1 eusc-de-east-1',
].flatMap((line) => line.split(' '));

/** Why a well-formed region may not exist, as one sentence; undefined for regions in the table. */
export function unknownRegion(region: string): string | undefined {
  if (KNOWN_REGIONS.includes(region)) return undefined;
  const meant = nearest(region, KNOWN_REGIONS);
  return `AWS is not known to have this region: ${meant === undefined ? 'see that it is spelt right' : `write "${meant}" if that is meant`}.`;
}
