import { ImageError } from "./check";
import { inspectSource, type InspectTask } from "./inspect";
import type { Inspection, Progress } from "./inspection";
import { serveThread } from "./readingThread.entry";
import { FileSource } from "./source/file";
import { PortSource } from "./source/portSource";

const PROGRESS_INTERVAL = 200;

serveThread<{ task: InspectTask; progress: Progress; answer: Inspection }>(async (task, [source], tell) => {
    if (!source) throw new ImageError("was handed to no one");
    let last = 0;
    const opened =
        "file" in source
            ? await FileSource.open(source.file)
            : new PortSource(source.description, source.port);
    return inspectSource(opened, task, (progress) => {
        const now = Date.now();
        if (now - last < PROGRESS_INTERVAL && progress.done !== progress.total) return;
        last = now;
        tell(progress);
    });
});
