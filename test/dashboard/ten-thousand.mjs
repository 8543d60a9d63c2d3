/** Answers a page's questions for jobs with `count` made-up ones: so many would take an hour to train. */
export async function fakeJobs(page, job, count) {
  await page.route(/\/v1\/jobs\?/, async (route) => {
    const from = Number(new URL(route.request().url()).searchParams.get('cursor') ?? 0);
    const data = Array.from({ length: 1_000 }, (_, at) => ({
      ...job,
      id: `job_${String(count - from - at).padStart(26, '0')}`,
      user: `user ${from + at}`,
    }));
    const next = from + 1_000;
    await route.fulfill({ json: { data, nextCursor: next < count ? String(next) : null } });
  });
}
