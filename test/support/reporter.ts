import * as Mocha from "mocha";

/** Mocha's own report, closed by the one line that continuous integration reads. */
class ClosingLine extends Mocha.reporters.Spec {
    constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
        super(runner, options);
        runner.once("end", () => {
            const { passes = 0, failures = 0, pending = 0 } = runner.stats ?? {};
            process.stdout.write(
                `${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ""}\n`,
            );
        });
    }
}

export = ClosingLine;
