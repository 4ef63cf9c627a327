export const xen_model = "xen-model";
