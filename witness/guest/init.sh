#!/bin/busybox sh
# The guest's init: plays each script, and writes what happened to the console, as blocks of gzip in base64.
/bin/busybox --install -s /bin
export PATH=/bin:/sbin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
mount -t tmpfs tmp /tmp
mount -t debugfs debug /sys/kernel/debug 2>/dev/null
T=/sys/kernel/tracing
mount -t tracefs trace $T 2>/dev/null
echo -1 >/proc/sys/kernel/sched_rt_runtime_us
echo 1 >/proc/sys/vm/overcommit_memory
echo 1 >/proc/sys/kernel/printk # from here on complaints go to the log alone, which is printed at the end
echo "@@ guest $(uname -r) cpus $(cat /sys/devices/system/cpu/online)"

block() {
	echo "@@ begin $1"
	gzip -c | base64
	echo "@@ end $1"
}

echo 0 >$T/tracing_on
echo nop >$T/current_tracer
echo x86-tsc >$T/trace_clock
echo noirq-info >$T/trace_options 2>/dev/null
echo 0 >$T/options/overwrite
echo 16384 >$T/buffer_size_kb
echo 6 >$T/tracing_cpumask 2>/dev/null # where there are these CPUs
# Where HYPERVISOR_set_segment_base() is called; the hypercall itself is inlined.
echo 'p:set_segment_base xen_load_gs_index' >$T/kprobe_events 2>/dev/null
echo 'p:write_base xen_do_write_msr msr=%di:u32' >>$T/kprobe_events 2>/dev/null
for event in xen sched/sched_switch raw_syscalls/sys_enter exceptions tlb msr/read_msr kprobes; do
	[ -e $T/events/$event/enable ] && echo 1 >$T/events/$event/enable
done

for script in /scripts/*; do
	[ -e "$script" ] || break
	echo >$T/trace
	echo 1 >$T/tracing_on
	driver <$script >/tmp/steps 2>&1
	echo 0 >$T/tracing_on
	{
		cat /tmp/steps
		for cpu in 1 2; do
			echo "@@ cpu $cpu"
			cat $T/per_cpu/cpu$cpu/trace
		done
	} | block "$(basename $script)"
done
for program in /programs/*; do
	[ -e "$program" ] || break
	echo "@@ program $(basename $program)"
	sh $program 2>&1
	echo "@@ program $(basename $program) exit $?"
done
[ -e /sys/kernel/debug/xen_witness ] && { echo "@@ witness"; cat /sys/kernel/debug/xen_witness; }
dmesg | block dmesg
echo "@@ all"
poweroff -f
