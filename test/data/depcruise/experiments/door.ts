export const experiments = "experiments";
