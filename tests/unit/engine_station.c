/* SPDX-License-Identifier: MIT */
/* Stations: whose paths share one, how its window moves, and who waits for it. */
#include "engine_world.h"

static const uint8_t mac_a[6] = {2, 0, 0, 0, 1, 9}, mac_b[6] = {2, 0, 0, 0, 9, 1};

Test(station, is_one_mac_on_one_link)
{
        struct world *w = world_new();
        struct station *a, *b, *c;

        world_init(w);
        a = station_take(w->e, 0, mac_a);
        cr_assert_eq(a->link, 0);
        cr_assert_arr_eq(a->mac, mac_a, 6);
        cr_assert_eq(a->paths, 1);
        cr_assert_eq(station_take(w->e, 0, mac_a), a);
        cr_assert_eq(a->paths, 2);
        b = station_take(w->e, 0, mac_b);
        cr_assert_neq(b, a, "of the same bucket");
        c = station_take(w->e, 1, mac_a);
        cr_assert_neq(c, a);
        cr_assert_eq(w->e->station_pool.used, 3);
        station_put(w->e, a);
        cr_assert_eq(w->e->station_pool.used, 3, "one path still leads to it");
        station_put(w->e, a);
        station_put(w->e, b);
        station_put(w->e, c);
        cr_assert_eq(w->e->station_pool.used, 0);
        world_end(w);
}

Test(station, those_of_one_box_share_it)
{
        struct world *w = world_new();

        world_port(w, 0, 1, aoe_addr_make(7, 2));
        world_port(w, 0, 2, aoe_addr_make(7, 3));
        world_port(w, 1, 1, aoe_addr_make(7, 4));
        world_start(w, 1500);
        cr_assert_eq(world_path_at(w, 0)->station, world_path_at(w, 1)->station);
        cr_assert_neq(world_path_at(w, 0)->station, world_path_at(w, 2)->station);
        cr_assert_neq(world_path_at(w, 0)->station, world_path_at(w, 3)->station);
        cr_assert_eq(world_path_at(w, 0)->station->paths, 2);
        world_end(w);
}

/* A station with that many frames in flight of so many paths. */
static void bench_station(struct station *st, unsigned window, unsigned in_flight, unsigned busy)
{
        *st = (struct station){.in_flight = in_flight, .busy = busy};
        line_init(&st->line);
        cc_init(&st->cc, window, 4096);
}

Test(station, has_room_for_as_many_as_its_window)
{
        struct station st;

        bench_station(&st, 64, 63, 4);
        cr_assert(station_has_room(&st));
        st.in_flight = 64;
        cr_assert(!station_has_room(&st));
}

Test(station, its_first_window_is_64_and_the_user_s_limit_is_its_cap)
{
        struct world *w = world_new();

        w->options.station_max = 100;
        world_start(w, 1500);
        cr_assert_eq(cc_window(&world_path_at(w, 0)->station->cc), STATION_WINDOW_START);
        cr_assert_eq(world_path_at(w, 0)->station->cc.cap, 100);
        world_end(w);
        w = world_new();
        w->options.station_max = 3;
        world_start(w, 1500);
        cr_assert_eq(cc_window(&world_path_at(w, 0)->station->cc), 3);
        world_end(w);
}

Test(station, it_grows_when_it_was_half_full)
{
        struct station st;

        bench_station(&st, 64, 30, 0);
        st.cc.threshold_x256 = 0; /* not in its first growth */
        station_enter(&st, true);
        cr_assert_eq(st.in_flight, 31);
        cr_assert_eq(st.busy, 1);
        cr_assert_eq(st.cc.due, 0, "less than half");
        station_enter(&st, false);
        cr_assert_eq(st.busy, 1, "the same path");
        cr_assert_eq(st.cc.due, 32);
        station_on_answer(&st);
        cr_assert_eq(st.cc.due, 31);
        cr_assert_gt(st.cc.window_x256, 64 << 8);
}

Test(station, it_loses_the_share_of_one_of_its_busy_paths)
{
        struct station st;

        bench_station(&st, 64, 40, 4);
        station_on_loss(&st);
        cr_assert_eq(cc_window(&st.cc), 60, "a quarter of a quarter");
        station_on_spurious(&st);
        cr_assert_eq(cc_window(&st.cc), 64);
        st.busy = 1;
        station_on_loss(&st);
        cr_assert_eq(cc_window(&st.cc), 48);
        bench_station(&st, 64, 0, 0);
        station_on_loss(&st);
        cr_assert_eq(cc_window(&st.cc), 48, "the last frame's loss is that of one path");
}

Test(station, it_grows_like_the_windows_of_its_busy_paths_together)
{
        struct station one, four;

        bench_station(&one, 64, 64, 1);
        bench_station(&four, 64, 64, 4);
        one.cc.threshold_x256 = four.cc.threshold_x256 = 0;
        one.cc.due = four.cc.due = 64;
        for (unsigned i = 0; i < 64; i++) {
                station_on_answer(&one);
                station_on_answer(&four);
        }
        cr_assert_eq(cc_window(&one.cc), 65);
        cr_assert_geq(cc_window(&four.cc), 67);
        cr_assert_leq(cc_window(&four.cc), 68);
}

Test(station, as_many_are_called_as_have_room)
{
        struct world *w = world_new();
        struct station st;
        struct device *d[3];

        for (uint8_t i = 0; i < 3; i++)
                world_port(w, 0, (uint8_t)(10 + i), aoe_addr_make(8, i));
        world_start(w, 1500);
        for (uint8_t i = 0; i < 3; i++)
                d[i] = device_find(w->e, aoe_addr_make(8, i));
        bench_station(&st, 8, 8, 2);
        for (unsigned i = 0; i < 3; i++)
                line_join(&st.line, d[i]);
        st.cc.window_x256 = 7 << 8; /* it has shrunk under what is out */
        station_leave(w->e, &st, true);
        cr_assert_eq(st.in_flight, 7);
        cr_assert_eq(st.busy, 1);
        cr_assert_eq(d[0]->line, &st.line, "there is still no room");
        station_leave(w->e, &st, false);
        cr_assert_null(d[0]->line);
        cr_assert_eq(d[1]->line, &st.line, "for one");
        st.cc.window_x256 = 8 << 8;
        station_leave(w->e, &st, false);
        cr_assert_null(d[1]->line);
        cr_assert_null(d[2]->line, "for three");
        cr_assert_eq(st.busy, 1);
        world_end(w);
}
