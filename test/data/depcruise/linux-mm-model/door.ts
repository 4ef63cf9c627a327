export const linux_mm_model = "linux-mm-model";
