import { failed, type ImageCheck, passed, printable } from "../image/check";
import { quote } from "../process/quote";
import type { Question } from "./smokeTest.session";
import type { ExpectedFile } from "./verify.types";

/** A question, and how its answer is judged. */
export interface JudgedQuestion extends Question {
    judge: (answer: string) => ImageCheck;
}

const SERVICE_ATTEMPTS = 30;
const SERVICE_INTERVAL = 2;
const MST_SECONDS = 60;

/** A service runs, or has run to a good end; those that are slow to start get a minute. */
export function serviceQuestion(prefix: string, unit: string): JudgedQuestion {
    const id = `${prefix}.service.${unit}`;
    const show = `systemctl show -p LoadState -p ActiveState -p Result -p ExecMainStartTimestampMonotonic ${unit} 2>&1 | tr '\\n' ' '`;
    // Those that have run to their end are inactive again; the order of what is shown is systemd's own.
    const isSettled = [
        ...["*ActiveState=active*", "*ActiveState=failed*", "*LoadState=not-found*"],
        ...["*ActiveState=inactive*Monotonic=[1-9]*", "*Monotonic=[1-9]*ActiveState=inactive*"],
    ].join("|");
    return {
        id,
        command: `n=0; while s=$(${show}); n=$((n+1)); [ $n -lt ${SERVICE_ATTEMPTS} ]; do case "$s" in ${isSettled}) break;; esac; sleep ${SERVICE_INTERVAL}; done; echo "$s"`,
        judge: (answer) => judgeService(id, unit, answer),
    };
}

function judgeService(id: string, unit: string, answer: string): ImageCheck {
    const values = new Map(
        answer.split(/\s+/).map((pair): [string, string] => {
            const [name = "", value = ""] = pair.split("=", 2);
            return [name, value];
        }),
    );
    const active = values.get("ActiveState") ?? "";
    const seen =
        active === ""
            ? printable(answer) || "no answer"
            : `${active}, ${values.get("Result") ?? "no result"}`;
    if (values.get("LoadState") === "not-found")
        return failed(id, "not found", `${unit} is not in the image`);
    const hasRun = Number(values.get("ExecMainStartTimestampMonotonic") ?? 0) > 0;
    const isGood = active === "inactive" && values.get("Result") === "success" && hasRun;
    if (isGood || ["active", "activating", "reloading"].includes(active)) return passed(id, seen);
    return failed(id, seen, `${unit} was not started: it is ${seen}`);
}

/** NVIDIA's tools find no card in a virtual machine; they have to say so, and neither hang nor crash. */
export function mstQuestion(prefix: string): JudgedQuestion {
    const id = `${prefix}.mst`;
    return {
        id,
        command: `timeout ${MST_SECONDS} mst start >/dev/null 2>&1; echo code $?`,
        judge(answer) {
            const code = Number(/code (\d+)/.exec(answer)?.[1] ?? Number.NaN);
            const seen = Number.isNaN(code) ? printable(answer) || "no answer" : `code ${code}`;
            if (code === 127)
                return failed(
                    id,
                    seen,
                    "there is no mst in the image: DOCA's firmware tools are not installed",
                );
            if (code === 124) return failed(id, seen, `mst start does not end within ${MST_SECONDS} s`);
            return code < 126
                ? passed(id, seen)
                : failed(id, seen, `mst start does not fail gracefully: ${seen}`);
        },
    };
}

/** A file of the overlay is still what was given. */
export function fileQuestion(prefix: string, { path, sha256 }: ExpectedFile): JudgedQuestion {
    const id = `${prefix}.overlay.${path}`;
    return {
        id,
        command: `sha256sum ${quote(path)} 2>&1`,
        judge(answer) {
            const [digest = ""] = answer.split(/\s+/);
            if (digest === sha256) return passed(id, "as it was given");
            return failed(
                id,
                printable(answer) || "no answer",
                `${path} is not on the installed system as it was given: is its folder among install.bind_mounts?`,
            );
        },
    };
}

const MARKER = ".edge-os-smoke-test";

/** Writes into a folder that has to outlive a restart. */
export function writeQuestion(prefix: string, folder: string, text: string): JudgedQuestion {
    const id = `${prefix}.write.${folder}`;
    return {
        id,
        command: `echo ${text} 2>&1 >'${folder}/${MARKER}' && sync && echo written`,
        judge: (answer) =>
            answer === "written"
                ? passed(id, answer)
                : failed(
                      id,
                      printable(answer) || "no answer",
                      `${folder} cannot be written on the installed system`,
                  ),
    };
}

/** What was written before the restart is still there. */
export function readQuestion(prefix: string, folder: string, text: string): JudgedQuestion {
    const id = `${prefix}.persistent.${folder}`;
    return {
        id,
        command: `cat '${folder}/${MARKER}' 2>&1`,
        judge: (answer) =>
            answer === text
                ? passed(id, "kept over a restart")
                : failed(
                      id,
                      printable(answer) || "no answer",
                      `${folder} does not outlive a restart: add it to install.bind_mounts of userData`,
                  ),
    };
}
