// Behind the pieces of docs/clients/nodejs.md: prints what it knows of a user after each change.
new ReadStates(Number(process.argv[2]), (states) => {
  const live = [...states.values()].filter((state) => !state.deleted);
  const shown = live.map((state) => [state.channel, [state.last_read, state.mentions]]);
  console.log(JSON.stringify(Object.fromEntries(shown)));
});
