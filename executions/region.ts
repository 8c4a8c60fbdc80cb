/** A region's code, such as us-east-1, us-gov-west-1 or eusc-de-east-1: continent or partition, one or two words, one digit. */
export const REGION = /^[a-z]{2,4}(-[a-z]{2,12}){1,2}-[1-9]$/;
