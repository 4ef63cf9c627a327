export const machine = "machine";
