export const test = "test";
