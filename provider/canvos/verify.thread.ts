import { serveThread } from "../image/readingThread.entry";
import { PortSource } from "../image/source/portSource";
import { look, type LookProgress, type LookTask } from "./verify.look";
import type { BuildCheck } from "./verify.types";

serveThread<{ task: LookTask; progress: LookProgress; answer: BuildCheck[] }>((task, sources, tell) => {
    const opened = sources.map((source) =>
        "file" in source ? source.file : new PortSource(source.description, source.port),
    );
    return look(task, opened, tell);
});
