export const witness = "witness";
