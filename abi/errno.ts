/**
 * Error numbers that cross the guest/Xen line: a result is 0 or `-errno`.
 *
 * Mirrors: xen/include/public/errno.h.
 */

/** 0, or a negative error number. */
export type Rc = number;

export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EINTR = 4;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EFAULT = 14;
export const EBUSY = 16;
export const EEXIST = 17;
export const EINVAL = 22;
export const ERANGE = 34;
export const ENOSYS = 38;
/** Inside Xen only: the hypercall is to be continued. Never seen by a guest. */
export const ERESTART = 85;
export const EOPNOTSUPP = 95;

const NAMES = new Map<number, string>([
  [EPERM, "EPERM"],
  [ENOENT, "ENOENT"],
  [ESRCH, "ESRCH"],
  [EINTR, "EINTR"],
  [EAGAIN, "EAGAIN"],
  [ENOMEM, "ENOMEM"],
  [EACCES, "EACCES"],
  [EFAULT, "EFAULT"],
  [EBUSY, "EBUSY"],
  [EEXIST, "EEXIST"],
  [EINVAL, "EINVAL"],
  [ERANGE, "ERANGE"],
  [ENOSYS, "ENOSYS"],
  [ERESTART, "ERESTART"],
  [EOPNOTSUPP, "EOPNOTSUPP"],
]);

/** The name of `-rc`, for reports: errnoName(-22) is "EINVAL". */
export function errnoName(rc: Rc): string {
  return NAMES.get(-rc) ?? `errno ${-rc}`;
}
