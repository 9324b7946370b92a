import type { CallCounter, CallCounts } from "./calls";
import type { ActiveFault, Fault, FaultList } from "./faults";
import type { Tap } from "./handler";

/** What the server of every stand-in has before its answers. */
export interface Front {
    readonly faults: FaultList;
    readonly calls: CallCounter;
}

/** What can be done with every stand-in: strike it with faults, count its calls, watch them pass. */
export abstract class StandIn {
    /** Sees every call before and after it has its effect, for tests that end a client there; `"drop"` cuts it off. */
    tap?: Tap;

    protected constructor(private readonly front: Front) {}

    /** Adds a fault; its `hits` count up as it strikes. */
    fault(fault: Fault): ActiveFault {
        return this.front.faults.add(fault);
    }

    /** The faults in force. */
    faults(): readonly ActiveFault[] {
        return this.front.faults.list();
    }

    /** Removes a fault, or all. */
    clearFaults(id?: number): void {
        this.front.faults.clear(id);
    }

    /** The calls clients have made since the start or {@link resetCalls}. */
    calls(): CallCounts {
        return this.front.calls.counts();
    }

    resetCalls(): void {
        this.front.calls.reset();
    }
}
