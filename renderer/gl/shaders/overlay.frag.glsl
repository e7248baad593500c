// Text and controls, display-coded with straight alpha. Ours.
in vec2 v_at;
out vec4 out_color;
uniform sampler2D u_picture;

void main() {
    vec4 color = texture(u_picture, v_at);
    out_color = vec4(color.rgb * color.a, color.a);
}
