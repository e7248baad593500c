// Vertex stage of every surface: linear blend skinning or a rigid transform (glTF 2.0, 3.7.3), and each distinct
// pair of texture coordinates moved once per vertex (KHR_texture_transform).
#include "frame.glsl"
#include "material.glsl"

in vec3 in_position;
#ifdef NORMALS
in vec3 in_normal;
out vec3 v_normal;
#endif
#ifdef TANGENTS
in vec4 in_tangent;
out vec4 v_tangent;
uniform float u_hand;  // -1 where the transform mirrors
#endif
#ifdef UV_SET_0
in vec2 in_uv0;
#endif
#ifdef UV_SET_1
in vec2 in_uv1;
#endif
#ifdef COLORS
in vec4 in_color;
out vec4 v_color;
#endif
out vec3 v_position;
#ifdef SHADOW
out vec3 v_shadow;
#endif
#ifdef UV0
out vec2 v_uv0;
#endif
#ifdef UV1
out vec2 v_uv1;
#endif
#ifdef UV2
out vec2 v_uv2;
#endif
#ifdef UV3
out vec2 v_uv3;
#endif
#ifdef UV4
out vec2 v_uv4;
#endif
#ifdef UV5
out vec2 v_uv5;
#endif
#ifdef UV6
out vec2 v_uv6;
#endif
#ifdef UV7
out vec2 v_uv7;
#endif

#ifdef SKIN
#include "skin.glsl"
#else
uniform mat4 u_model;
uniform mat3 u_normal_matrix;
#endif

#if defined(MOTION) || defined(OUTLINE)
#include "toon_block.glsl"
#endif
#if defined(OUTLINE) && defined(OUTLINE_WIDTH_UV)
uniform sampler2D u_outline_width_texture;
#endif

vec2 moved(vec2 uv, int pair) {
    return vec2(dot(u_uv_rows[2 * pair].xyz, vec3(uv, 1.0)), dot(u_uv_rows[2 * pair + 1].xyz, vec3(uv, 1.0)));
}

#ifdef TANGENTS
vec4 along(vec3 tangent) {
    return vec4(tangent * inversesqrt(max(dot(tangent, tangent), 1e-30)), in_tangent.w * u_hand);
}
#endif

void main() {
#ifdef SKIN
    vec4 row0, row1, row2;
    blend_joints(row0, row1, row2);
    vec4 local = vec4(in_position, 1.0);
    v_position = vec3(dot(row0, local), dot(row1, local), dot(row2, local));
#ifdef NORMALS
    v_normal = vec3(dot(row0.xyz, in_normal), dot(row1.xyz, in_normal), dot(row2.xyz, in_normal));
#endif
#ifdef TANGENTS
    vec3 tangent = in_tangent.xyz;
    v_tangent = along(vec3(dot(row0.xyz, tangent), dot(row1.xyz, tangent), dot(row2.xyz, tangent)));
#endif
#else
    v_position = (u_model * vec4(in_position, 1.0)).xyz;
#ifdef NORMALS
    v_normal = u_normal_matrix * in_normal;
#endif
#ifdef TANGENTS
    v_tangent = along(mat3(u_model) * in_tangent.xyz);
#endif
#endif
    gl_Position = u_view_projection * vec4(v_position, 1.0);
#ifdef SHADOW
#ifdef NORMALS
    vec3 lifted = v_position + normalize(v_normal) * u_shadow.z;
#else
    vec3 lifted = v_position;
#endif
    v_shadow = (u_shadow_from_world * vec4(lifted, 1.0)).xyz;
#endif
#ifdef POINTS
    gl_PointSize = 1.0;
#endif
#ifdef COLORS
    v_color = in_color;
#endif
#ifdef UV0
    v_uv0 = UV0;
#endif
#ifdef UV1
    v_uv1 = UV1;
#endif
#ifdef UV2
    v_uv2 = UV2;
#endif
#ifdef UV3
    v_uv3 = UV3;
#endif
#ifdef UV4
    v_uv4 = UV4;
#endif
#ifdef UV5
    v_uv5 = UV5;
#endif
#ifdef UV6
    v_uv6 = UV6;
#endif
#ifdef UV7
    v_uv7 = UV7;
#endif
#if defined(OUTLINE) && defined(NORMALS)
    // The hull that shows its inside around the surface: moved out by metres or by a share of the picture's height.
    float width = u_outline_form.x;
#ifdef OUTLINE_WIDTH_UV
    width *= textureLod(u_outline_width_texture, OUTLINE_WIDTH_UV, 0.0).g;
#endif
    vec3 out_of = normalize(v_normal);
    v_position += out_of * width * (1.0 - u_outline_form.y);
    gl_Position = u_view_projection * vec4(v_position, 1.0);
    vec2 seen = (u_view_projection * vec4(out_of, 0.0)).xy * vec2(u_clock.y, 1.0);
    seen *= inversesqrt(max(dot(seen, seen), 1e-12));
    gl_Position.xy += seen / vec2(u_clock.y, 1.0) * (2.0 * width * u_outline_form.y * gl_Position.w);
#endif
}
