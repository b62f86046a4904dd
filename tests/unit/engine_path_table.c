/* SPDX-License-Identifier: MIT */
/* Paths: how many there are, and that each gives back all it has. */
#include "engine_world.h"

Test(path, a_device_has_16_of_them_at_most)
{
        struct world *w = world_new();

        for (unsigned i = 2; i <= DEVICE_PATHS_MAX + 1; i++)
                world_port(w, 0, (uint8_t)i, WORLD_ADDR);
        w->ports[DEVICE_PATHS_MAX].silent = true;
        world_start(w, 1500);
        cr_assert_eq(world_device(w).path_count, DEVICE_PATHS_MAX);
        cr_assert_eq(world_drops(w, DROP_LIMIT), 0);
        w->ports[DEVICE_PATHS_MAX].silent = false;
        engine_discover(w->e, w->now);
        world_run(w);
        cr_assert_eq(world_device(w).path_count, DEVICE_PATHS_MAX);
        cr_assert_eq(world_drops(w, DROP_LIMIT), 1);
        for (unsigned i = 0; i < DEVICE_PATHS_MAX; i++)
                cr_assert_eq(world_path(w, i).state, PATH_UP);
        world_end(w);
}

Test(path, the_engine_has_paths_max_of_them)
{
        struct world *w = world_new();

        w->options.paths_max = 2;
        world_port(w, 0, 2, WORLD_ADDR);
        world_port(w, 0, 3, WORLD_ADDR);
        world_start(w, 1500);
        cr_assert_eq(world_device(w).path_count, 2);
        cr_assert_eq(world_drops(w, DROP_LIMIT), 1);
        world_end(w);
}

Test(path, is_one_mac_on_one_link)
{
        struct world *w = world_new();
        struct device *d;

        world_port(w, 1, 1, WORLD_ADDR);
        world_port(w, 0, 2, WORLD_ADDR);
        world_start(w, 1500);
        d = world_device_at(w);
        cr_assert_eq(world_device(w).path_count, 3);
        for (unsigned i = 0; i < 3; i++) {
                struct path *p = path_find(d, w->ports[i].link, w->ports[i].mac);

                cr_assert_eq(p->link, w->ports[i].link);
                cr_assert_arr_eq(p->mac, w->ports[i].mac, 6);
        }
        cr_assert_null(path_find(d, 1, w->ports[2].mac));
        cr_assert_null(path_find(d, 2, w->ports[0].mac));
        world_end(w);
}

Test(path, gives_all_it_has_back_when_its_device_is_forgotten)
{
        struct world *w = world_new();

        world_port(w, 1, 2, WORLD_ADDR);
        world_start(w, 1500);
        cr_assert_eq(w->e->paths.used, 2);
        cr_assert_eq(w->e->station_pool.used, 2);
        world_silence(w, true);
        world_pass(w, 30 * NSEC_SEC);
        cr_assert(world_changes(w) & EVENT_GONE);
        cr_assert_eq(w->e->paths.used, 0);
        cr_assert_eq(w->e->station_pool.used, 0);
        cr_assert_eq(w->e->devices.used, 0);
        world_end(w);
}

Test(path, is_due_to_be_asked_when_taken_and_not_counted_when_freed)
{
        static const uint8_t mac[6] = {2, 0, 0, 0, 1, 77};
        struct world *w = world_new();
        struct device *d;
        struct path *p;

        world_start(w, 1500);
        d = world_device_at(w);
        p = path_take(w->e, d, 0, mac, w->now);
        cr_assert_eq(p->state, PATH_NEW);
        cr_assert_eq(p->ask_at, w->now);
        cr_assert_eq(d->path_count, 2);
        engine_check(w->e);
        path_free(w->e, p);
        cr_assert_eq(d->path_count, 1);
        engine_check(w->e);
        world_end(w);
}
