export const checker = "checker";
