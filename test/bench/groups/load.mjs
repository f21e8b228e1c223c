// Loading the Debian image into an empty store: it happened when the places were opened.

export async function measureLoad({ loads }) {
  const rows = Object.entries(loads).map(([name, { ms, megabytes }]) => ({
    name,
    cells: { seconds: ms / 1000, megabytes },
    goals: [],
  }));
  return [
    {
      title: "load: the Debian image into an empty store",
      notes: [],
      columns: [
        { key: "seconds", head: "seconds" },
        { key: "megabytes", head: "peak MB" },
      ],
      rows,
    },
  ];
}
