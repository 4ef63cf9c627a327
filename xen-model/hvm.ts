/**
 * A PVH guest: its kernel has the processor to itself, but for what makes it exit to Xen.
 *
 * System calls, faults, CR3 loads and INVLPG stay inside: EPT translates what the guest's tables say, so Xen need not
 * see these. Exits are hypercalls, here event channels for other vCPUs, interrupts that come for the pCPU, and HLT. Xen
 * runs on the vCPU's monitor table (root/monitor.ts).
 *
 * Mirrors: vmx_vmexit_handler(), xen/arch/x86/hvm/vmx/vmx.c, for the reasons; facts/xen.md 7.
 * Differs: EPT maps each guest frame to the machine frame of the same number, and never faults: the guest's memory is
 *          populated when it is built. No exit for timers, CPUID or MSRs, of which recordings have none; no APICv, so
 *          each interrupt is an exit.
 */
import { EINVAL, ENOSYS, type Rc } from "../abi/errno.js";
import { EV } from "../abi/events.js";
import { mfn as asMfn, type Vpn } from "../abi/frames.js";
import { __HYPERVISOR_event_channel_op, type CallBuffer } from "../abi/hypercalls.js";
import { Tally } from "../abi/ledger.js";
import type { Hypervisor } from "../abi/hypervisor.js";
import type { NativeProcessor } from "../abi/native-processor.js";
import { PFEC_user_mode } from "../abi/page.js";
import type { Guest } from "../abi/upcalls.js";
import type { Container } from "./container.js";
import { ACCESS_WRITE, type Access, WalkControl } from "./hw/control.js";
import { walk, Walk, WALK_OK } from "./hw/walk.js";
import { lost_user, resume_guest } from "./refill.js";
import type { Xen } from "./xen.js";

const SYSCALL = Tally.of({ syscall: 1, guest_syscall: 1 });

export class Hvm implements Container, Hypervisor, NativeProcessor {
  readonly hypervisor: Hypervisor = this;
  readonly native: NativeProcessor = this;
  private readonly ring3 = new WalkControl();
  private readonly supervisor = new WalkControl();
  private readonly out = new Walk();
  private guest!: Guest;

  /** `xen` is the host, with root "monitor". Its vcpus.guest_table is the guest's CR3 register. */
  constructor(private readonly xen: Xen) {
    this.ring3.cpl = 3;
  }

  attach(guest: Guest): void {
    this.guest = guest;
  }

  init(): void {
    this.xen.init();
  }

  // Hypervisor: what exits

  hypercall(vcpu: number, calls: CallBuffer, row: number): Rc {
    const { ledger } = this.xen;
    ledger.count(vcpu, EV.vm_exit_hypercall, 1);
    if (calls.op[row] !== __HYPERVISOR_event_channel_op) return (calls.rc[row] = -ENOSYS);
    ledger.count(vcpu, EV.event_channel_op, 1);
    this.kick(vcpu, calls.frame[row]!);
    return (calls.rc[row] = 0);
  }

  /** A PVH kernel makes none. */
  multicall(vcpu: number): Rc {
    this.xen.ledger.count(vcpu, EV.vm_exit_hypercall, 1);
    return -ENOSYS;
  }

  /** An event for vCPU `target`: what runs there is interrupted, or what idles there wakes. */
  kick(vcpu: number, target: number): void {
    const { vcpus, ledger } = this.xen;
    if (target === vcpu || target >= vcpus.nrVcpus) return;
    ledger.count(vcpu, EV.vcpu_kick, 1);
    if (this.wake(target)) return;
    ledger.count(target, EV.vm_exit_interrupt, 1);
    ledger.count(target, EV.guest_exception, 1);
  }

  vcpu_initialise(vcpu: number, cr3: number): Rc {
    const { vcpus, pcpus, root } = this.xen;
    if (vcpus.up[vcpu] !== 0) return -EINVAL;
    vcpus.guest_table[vcpu] = cr3;
    vcpus.kernel_mode[vcpu] = 1;
    vcpus.up[vcpu] = 1;
    vcpus.blocked[vcpu] = 0;
    const pcpu = vcpus.pcpu[vcpu]!;
    pcpus.vcpu[pcpu] = vcpu;
    pcpus.dirty[pcpu] = 1;
    root.write_ptbase(this.xen, vcpu, true);
    return 0;
  }

  vcpu_up(vcpu: number): Rc {
    this.xen.ledger.count(vcpu, EV.vm_exit_hypercall, 1);
    return this.xen.vcpu_up(vcpu);
  }

  vcpu_down(vcpu: number): Rc {
    this.xen.ledger.count(vcpu, EV.vm_exit_hypercall, 1);
    return this.xen.vcpu_down(vcpu);
  }

  block(vcpu: number): void {
    const { vcpus, ledger } = this.xen;
    if (vcpus.blocked[vcpu] !== 0) return;
    ledger.count(vcpu, EV.vm_exit_hlt, 1);
    vcpus.blocked[vcpu] = 1;
  }

  // what stays inside

  iret(vcpu: number, toUser: boolean): void {
    if (toUser) this.xen.vcpus.kernel_mode[vcpu] = 0;
    resume_guest(this.xen, vcpu);
  }

  emulate_privop(): void {
    // the guest's own: no trap
  }

  store(vcpu: number, page: Vpn, slot: number, frame: number, flags: number): Rc {
    this.walk(vcpu, page, ACCESS_WRITE, false);
    this.xen.mem.set(this.out.frame, slot, frame, flags);
    return 0;
  }

  mov_to_cr3(vcpu: number, frame: number): void {
    const { vcpus, pcpus, ledger } = this.xen;
    vcpus.guest_table[vcpu] = frame;
    pcpus.loads.add(vcpus.pcpu[vcpu]!);
    ledger.count(vcpu, EV.guest_cr3_write, 1);
    ledger.count(vcpu, EV.tlb_flush, 1);
    lost_user(this.xen, vcpu);
  }

  invlpg(vcpu: number, _page: Vpn): void {
    this.xen.ledger.count(vcpu, EV.invlpg, 1);
  }

  syscall(vcpu: number): void {
    this.xen.vcpus.kernel_mode[vcpu] = 1;
    this.xen.ledger.countAll(vcpu, SYSCALL);
  }

  access(vcpu: number, page: Vpn, access: Access, user: boolean): number {
    const error = this.walk(vcpu, page, access, user);
    return error === WALK_OK || user ? error : error & ~PFEC_user_mode;
  }

  private walk(vcpu: number, page: Vpn, access: Access, user: boolean): number {
    const { mem, vcpus } = this.xen;
    const control = user ? this.ring3 : this.supervisor;
    return walk(mem, control, asMfn(vcpus.guest_table[vcpu]!), page, access, this.out);
  }

  page_fault(vcpu: number, page: Vpn, error: number): void {
    this.xen.vcpus.kernel_mode[vcpu] = 1;
    this.xen.ledger.count(vcpu, EV.guest_exception, 1);
    this.guest.page_fault(vcpu, page, error);
  }

  interrupt(vcpu: number): void {
    this.take_interrupt(vcpu);
    this.xen.ledger.count(vcpu, EV.guest_exception, 1);
    this.xen.vcpus.kernel_mode[vcpu] = 1;
    this.guest.event(vcpu);
  }

  /** An interrupt for the pCPU, which the vCPU is to hear of: its exit, or the end of its HLT. */
  take_interrupt(vcpu: number): void {
    if (!this.wake(vcpu)) this.xen.ledger.count(vcpu, EV.vm_exit_interrupt, 1);
  }

  /** A vCPU that was blocked runs again. True if it was. */
  private wake(vcpu: number): boolean {
    const { vcpus, ledger } = this.xen;
    if (vcpus.blocked[vcpu] === 0 || vcpus.up[vcpu] === 0) return false;
    vcpus.blocked[vcpu] = 0;
    ledger.count(vcpu, EV.vcpu_switch, 1);
    return true;
  }

  is_blocked(vcpu: number): boolean {
    return this.xen.vcpus.blocked[vcpu] !== 0;
  }

  in_kernel_mode(vcpu: number): boolean {
    return this.xen.vcpus.kernel_mode[vcpu] !== 0;
  }
}
