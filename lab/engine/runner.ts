import * as path from "node:path";
import { Child } from "./child";
import { ORGANIZATION, type Operation } from "./operation";

/** The program has shown its error itself (the SDK's RunError). */
const EXIT_ALREADY_REPORTED = 32;

/** Runs the program to its end, as pulumi-language-nodejs does. */
export async function runProgram(operation: Operation, address: string): Promise<void> {
    const { settings } = operation;
    const child = new Child({
        node: settings.node,
        args: [...settings.nodeArgs, ...programArguments(operation, address)],
        cwd: settings.pwd,
        env: programEnvironment(operation),
        record: settings.record,
        onLine: (line, from) => {
            // Without its monitor the SDK is noisy about what has been reported already.
            if (line.trim() !== "" && !operation.isCancelled) {
                operation.report(from === "stdout" ? "info" : "info#err", line);
            }
        },
    });
    const removeListener = operation.onCancel(() => {
        // Steps in flight end first; the program has nothing more to say.
        void operation.settled().then(() => child.kill());
    });
    const outcome = await child.exited;
    removeListener();
    await operation.settled();
    if (outcome !== 0 && !operation.isCancelled) {
        operation.failed = true;
        if (outcome !== EXIT_ALREADY_REPORTED) {
            operation.report("error", `Program exited with non-zero exit code: ${outcome}`);
        }
        operation.cancel();
    }
}

function programArguments(operation: Operation, address: string): string[] {
    const { settings } = operation;
    return [
        path.join(settings.sdk.dir, "cmd", "run", "index.js"),
        ...["--monitor", address],
        ...["--engine", address],
        ...["--organization", ORGANIZATION],
        ...["--project", settings.project],
        ...["--root-directory", settings.root],
        ...["--stack", settings.stack],
        ...["--pwd", settings.pwd],
        ...(operation.dryRun ? ["--dry-run"] : []),
        ...["--parallel", String(operation.parallel)],
        settings.entry,
    ];
}

function programEnvironment(operation: Operation): NodeJS.ProcessEnv {
    const { settings } = operation;
    // Here the keys have ":config:" between namespace and name; in the list of secret keys they do not.
    const config = Object.fromEntries(
        Object.entries(settings.config).map(([key, value]) => [key.replace(":", ":config:"), value]),
    );
    return {
        ...settings.env,
        PULUMI_CONFIG: JSON.stringify(config),
        PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(settings.secretKeys),
        ...(settings.typescript ? { PULUMI_NODEJS_TYPESCRIPT: "true" } : {}),
    };
}
