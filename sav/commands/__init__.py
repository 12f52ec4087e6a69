"""What is typed: flags, what is printed, exit statuses. A file a command, with `main(argv)`, `script()`."""

COMMANDS = {
    "seg": "segment every object in pictures",
    "track": "segment and follow every object in a video",
    "export": "write annotation files of a run that is over, without models",
    "render": "draw a run that is over again, in another way, without models",
    "refine": "put the tracks of a run that is over right, after the fact",
    "evaluate": "compare a run with ground truth",
    "web": "show a page in the browser where all this is done by clicks",
    "doctor": "say what is installed, how fast this machine is, and what is missing",
}
